// SPDX-License-Identifier: Apache-2.0

package cluster

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

// generationBase is the base of the number that names a generation of the stream.
const generationBase = 36

// Recovery says for how long, and how much, the log keeps for clients that are away.
type Recovery struct {
	// MaxDisconnection is how long after the loss of its connection a client may come back.
	MaxDisconnection time.Duration
	// MaxMessages is how much such a client may have missed. A client that has missed more starts a new session.
	MaxMessages int
	// Detection is how long the loss of a connection may go unnoticed: the heartbeat's interval and timeout.
	Detection time.Duration
	// HistoryAge is the longest that a room's history reaches back; 0 if none has one.
	HistoryAge time.Duration
	// HistoryBytes bounds what the histories of all rooms take in the memory of this gateway; 64 MiB if zero. Those beyond it are
	// read from the log when they are asked for.
	HistoryBytes int
	// Replicas is on how many NATS servers the log is kept; 1 if zero.
	Replicas int
	// MaxBytes bounds the stream; 0 leaves that to NATS. Beyond it new messages are refused until older ones have expired.
	MaxBytes int64

	// perSubject is logPerSubject, unless a test sets it.
	perSubject int64
}

// refresh is how often the log is told of a session that does not change, so that it does not forget it.
func (r *Recovery) refresh() time.Duration { return max(r.MaxDisconnection/2, time.Second) }

// retention is how long messages and sessions are kept: a session that was last written one refresh before its gateway
// died, and whose client took its time to notice and to come back, must be there with all that it has missed since.
func (r *Recovery) retention() time.Duration {
	return r.refresh() + r.Detection + r.MaxDisconnection + retentionSlack
}

// streamState is a stream as it was found.
type streamState struct {
	generation string
	created    time.Time
	last       uint64
	// breaks are those before it was looked at.
	breaks uint64
	// holes and reconnects are the parts of breaks that messages on their way to this gateway may have been lost in.
	holes, reconnects uint64
	// away is how long ago it was certain that nothing had gone by.
	away time.Duration
}

func (l *eventLog) ensureStream(ctx context.Context, state *streamState) error {
	js, err := jetstream.New(l.cluster.nc)
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
	state.generation, state.created = generationOf(info), info.Created
	if state.last = info.State.LastSeq; state.last == 0 {
		state.last = logStart
		return l.markStart(ctx, js)
	}
	return nil
}

// markStart stores the first message of a log, unless another gateway has. So no event has its number, and a session can say that it
// begins where the log does.
func (l *eventLog) markStart(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.Publish(ctx, wire.StartSubject(l.cluster.service), nil, jetstream.WithExpectLastSequence(0))
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
func (l *eventLog) streamConfig(limitSince string) jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name:              l.stream,
		Description:       "events and sessions of the RealtimeService " + l.cluster.service,
		Subjects:          []string{wire.LogRoot + wire.Token(l.cluster.service) + ".>"},
		Storage:           jetstream.FileStorage,
		Replicas:          max(1, l.recovery.Replicas),
		MaxAge:            l.maxAge(),
		AllowMsgTTL:       true,
		MaxMsgsPerSubject: l.limit(),
		Duplicates:        min(duplicateWindow, l.recovery.retention()),
		AllowRollup:       true,
		AllowDirect:       true,
		RePublish: &jetstream.RePublish{
			Source:      wire.EventRoot(l.cluster.service) + ">",
			Destination: wire.LiveRoot + wire.Token(l.cluster.service) + ".>",
		},
		Metadata: map[string]string{limitSinceKey: limitSince},
	}
	if l.recovery.MaxBytes > 0 {
		// The oldest of a subject still goes at its limit. With DiscardOld the oldest of the stream would go at this one, and nothing
		// would show it.
		config.MaxBytes, config.Discard = l.recovery.MaxBytes, jetstream.DiscardNew
	}
	return config
}

// limitSince is since when a stream has the limit of messages per subject that this gateway asks for.
func (l *eventLog) limitSince(config jetstream.StreamConfig) string {
	if since, ok := config.Metadata[limitSinceKey]; ok && config.MaxMsgsPerSubject >= l.limit() {
		return since
	}
	return strconv.FormatInt(time.Now().UnixMilli(), 10)
}

// generationOf tells a stream from another one of the same name.
func generationOf(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixMilli(), generationBase)
}

// maxAge is for how long the stream keeps what has no time of its own.
func (l *eventLog) maxAge() time.Duration { return max(l.recovery.retention(), l.recovery.HistoryAge) }

// keepFor is the header that says for how long an event is kept: until nobody can miss it any more, or as long as the history of
// one of its rooms reaches.
func (l *eventLog) keepFor(a *adapter, rooms []string) nats.Header {
	age := l.recovery.retention()
	for _, room := range rooms {
		if p := a.policyOf(room); p.hasHistory() {
			age = max(age, p.HistoryAge)
		}
	}
	return l.keep(age)
}

func (l *eventLog) keep(age time.Duration) nats.Header {
	if age >= l.maxAge() {
		return nil
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
