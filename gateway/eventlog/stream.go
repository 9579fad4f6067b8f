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
	// retentionSlack is what clocks and timers may differ by.
	retentionSlack = 10 * time.Second
	// duplicateWindow is how long JetStream knows the messages that it has stored by their ids, so that one which is sent again, as its
	// acknowledgement was lost, is stored once.
	duplicateWindow = 2 * time.Minute
)

// Start is the sequence of the first message of each log, which concerns nobody: see markStart. What began before the log
// begins there.
const Start = 1

// incarnationBase is the base of the number that names an incarnation of the stream.
const incarnationBase = 36

// retention is how long everything is kept.
func (l *Log) retention() time.Duration { return l.config.Retention + retentionSlack }

// streamState is a stream as it was found.
type streamState struct {
	incarnation string
	created     time.Time
	last        uint64
	// epoch is that before it was looked at.
	epoch uint64
	// misses and reconnects are the parts of it that messages on their way to this gateway may have been lost in.
	misses, reconnects uint64
	// away is how long ago it was certain that nothing had gone by.
	away time.Duration
}

func (l *Log) ensureStream(ctx context.Context, state *streamState) error {
	js, err := jetstream.New(l.host.NATS())
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	since := limitFromStart
	found, err := js.Stream(ctx, l.stream)
	switch {
	case err == nil:
		since = l.limitSince(found.CachedInfo().Config)
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("ask for stream %s: %w", l.stream, err)
	}
	stream, err := js.CreateOrUpdateStream(ctx, l.streamConfig(since))
	if err != nil {
		return fmt.Errorf("create or update stream %s: %w", l.stream, err)
	}
	info := stream.CachedInfo()
	state.incarnation, state.created = incarnationOf(info), info.Created
	if state.last = info.State.LastSeq; state.last == 0 {
		state.last = Start
		return l.markStart(ctx, js)
	}
	return nil
}

// markStart stores the first message of a log, unless another gateway has. So no event has its number, and a session can say that it
// begins where the log does.
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

// streamConfig is what a gateway asks of the stream. A stream that exists is updated in place.
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
		// The oldest of a subject still goes at its limit. With DiscardOld the oldest of the stream would go at this one, and nothing
		// would show it.
		config.MaxBytes, config.Discard = l.config.MaxBytes, jetstream.DiscardNew
	}
	return config
}

// limitSince is since when a stream has the limit of messages per subject that this gateway asks for.
func (l *Log) limitSince(config jetstream.StreamConfig) string {
	if since, ok := config.Metadata[limitSinceKey]; ok && config.MaxMsgsPerSubject >= l.limit() {
		return since
	}
	return strconv.FormatInt(time.Now().UnixMilli(), 10)
}

// incarnationOf tells a stream from another one of the same name.
func incarnationOf(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixMilli(), incarnationBase)
}

// maxAge is for how long the stream keeps what has no time of its own.
func (l *Log) maxAge() time.Duration { return max(l.retention(), l.config.Longest) }

// Header is that of a message which is kept for so long, and at least for as long as Config.Retention says.
func (l *Log) Header(keep time.Duration) nats.Header {
	age := max(l.retention(), keep)
	if age >= l.maxAge() {
		return nats.Header{}
	}
	seconds := strconv.FormatInt(int64(age/time.Second)+1, 10)
	return nats.Header{jetstream.MsgTTLHeader: []string{seconds + "s"}}
}

// idOf is what the publisher of a message has given it.
func idOf(msg *nats.Msg) string { return msg.Header.Get(nats.MsgIdHdr) }

// timeOf is when a message of the log was stored.
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
