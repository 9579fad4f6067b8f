// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// retentionSlack is a tolerance for differences of clocks and timers.
	retentionSlack = 10 * time.Second
	// duplicateWindow is how long JetStream remembers the ids of stored messages, so that a message
	// that is sent again, because its acknowledgement was lost, is stored once.
	duplicateWindow = 2 * time.Minute
)

// Start is the sequence of the first message of each log, which has no target: see markStart. A
// session that began before the log begins there.
const Start = 1

// incarnationBase is the base of the number that names an incarnation of the stream.
const incarnationBase = 36

// retention returns how long everything is kept.
func (l *Log) retention() time.Duration { return l.config.Retention + retentionSlack }

// streamState is the state of an inspected stream.
type streamState struct {
	incarnation string
	created     time.Time
	last        uint64
	// epoch is the epoch before the inspection.
	epoch uint64
	// misses and reconnects are the part of it in which messages on their way to this gateway may
	// have been lost.
	misses, reconnects uint64
	// away is the time since it was certain that nothing had been missed.
	away time.Duration
}

func (l *Log) ensureStream(ctx context.Context, state *streamState) error {
	js, err := jetstream.New(l.host.NATS())
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	since, restored := limitFromStart, ""
	found, err := js.Stream(ctx, l.stream)
	switch {
	case err == nil:
		since, restored = l.limitSince(found.CachedInfo().Config), found.CachedInfo().Config.Metadata[restoredKey]
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("ask for stream %s: %w", l.stream, err)
	}
	config := l.streamConfig(since)
	if restored != "" {
		config.Metadata[restoredKey] = restored
	}
	stream, err := js.CreateOrUpdateStream(ctx, config)
	if err != nil {
		return fmt.Errorf("create or update stream %s: %w", l.stream, err)
	}
	info := stream.CachedInfo()
	state.incarnation, state.created = IncarnationOf(info.Created, info.Config.Metadata), info.Created
	l.setRestored(info.Config.Metadata)
	if state.last = info.State.LastSeq; state.last == 0 {
		state.last = Start
		return l.markStart(ctx, js)
	}
	return nil
}

// markStart stores the first message of a log, unless another gateway has stored it. So no event
// has its sequence, and a session can begin where the log does.
func (l *Log) markStart(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.Publish(ctx, wire.StartSubject(l.service), nil, jetstream.WithExpectLastSequence(0))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && outbox.IsWrongSequence(int(refused.ErrorCode)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store the first message of stream %s: %w", l.stream, err)
	}
	return nil
}

// streamConfig returns the configuration of the stream that this gateway wants. An existing stream
// is updated in place.
func (l *Log) streamConfig(limitSince string) jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name:              l.stream,
		Description:       "events and sessions of the RealtimeService " + l.service,
		Subjects:          []string{wire.LogRoot + wire.Token(l.service) + ".>"},
		Storage:           jetstream.FileStorage,
		Replicas:          max(1, l.config.Replicas),
		MaxAge:            l.maxAge(),
		AllowMsgTTL:       true,
		MaxMsgsPerSubject: l.limit(),
		Duplicates:        min(duplicateWindow, l.retention()),
		AllowRollup:       true,
		AllowDirect:       true,
		RePublish: &jetstream.RePublish{
			Source:      wire.EventRoot(l.service) + ">",
			Destination: wire.LiveRoot + wire.Token(l.service) + ".>",
		},
		Metadata: map[string]string{limitSinceKey: limitSince},
	}
	if l.config.MaxBytes > 0 {
		// The oldest message of a subject is still dropped at the limit per subject. With
		// DiscardOld the oldest of the stream would be dropped at MaxBytes, without any sign of it.
		config.MaxBytes, config.Discard = l.config.MaxBytes, jetstream.DiscardNew
	}
	return config
}

// limitSince returns the time since which a stream has the limit of messages per subject that this
// gateway wants.
func (l *Log) limitSince(config jetstream.StreamConfig) string {
	if since, ok := config.Metadata[limitSinceKey]; ok && config.MaxMsgsPerSubject >= l.limit() {
		return since
	}
	return strconv.FormatInt(time.Now().UnixMilli(), 10)
}

// maxAge returns how long the stream keeps messages without a time of their own.
func (l *Log) maxAge() time.Duration { return max(l.retention(), l.config.Longest) }

// Header returns the header of a message that is kept for that long, but at least for
// Config.Retention.
func (l *Log) Header(keep time.Duration) nats.Header {
	age := max(l.retention(), keep)
	if age >= l.maxAge() {
		return nats.Header{}
	}
	seconds := strconv.FormatInt(int64(age/time.Second)+1, 10)
	return nats.Header{jetstream.MsgTTLHeader: []string{seconds + "s"}}
}

// idOf returns the id that the publisher has given a message.
func idOf(msg *nats.Msg) string { return msg.Header.Get(nats.MsgIdHdr) }

// timeOf returns when a message of the log was stored.
func timeOf(msg *nats.Msg) time.Time {
	t, err := time.Parse(time.RFC3339Nano, msg.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return time.Now()
	}
	return t
}

func sequenceOf(msg *nats.Msg, header string) uint64 {
	n, err := strconv.ParseUint(msg.Header.Get(header), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
