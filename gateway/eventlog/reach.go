// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// logPerSubject bounds how many messages of one subject the log keeps. Beyond it JetStream
	// drops the oldest.
	logPerSubject = 100_000
	// earlierPerSubject is the bound that gateways of earlier releases set. During a rollout either
	// bound may be in force.
	earlierPerSubject = 10_000
	// limitSinceKey is the key in the stream's metadata for the time since which logPerSubject has
	// been in force, in milliseconds since 1970; 0 stands for the stream's creation. Gateways of
	// earlier releases remove it when they set their bound.
	limitSinceKey = "realtime-operator.io/limit-since"
	// limitFromStart is its value for a stream that never had another bound.
	limitFromStart = "0"
)

// ErrTrimmed is returned if the log may have dropped requested messages, because it has as many
// newer ones of their subject as it keeps. The client starts a new session, as for any session that
// has missed too much.
var ErrTrimmed = fmt.Errorf("the log no longer reaches back that far: %w", socketio.ErrTooMuchMissed)

// A message of subject S that somebody may have missed is younger than the retention. If the limit
// of messages per subject has dropped it, S had as many newer messages as the limit allows at that
// moment. All of them are younger than the retention too, so none has expired since, and S still
// has that many after the dropped one. So a reader that finds fewer messages between its position
// and the end of the subject has not lost any. The answer to a direct get says how many there are
// without another request; see docs/decisions/0017.

// limit returns how many messages of a subject the log keeps.
func (l *Log) limit() int64 {
	if l.config.MaxPerSubject > 0 {
		return l.config.MaxPerSubject
	}
	return logPerSubject
}

// Suspicious returns the number of messages of one subject from which on earlier ones may have been
// dropped.
func (l *Log) Suspicious() int { return int(min(l.limit(), earlierPerSubject)) }

// verifyReach returns ErrTrimmed if a subject with that many messages after a position may have
// lost some there.
func (l *Log) verifyReach(ctx context.Context, subject string, count int) error {
	limit, err := l.limits.inForce(ctx, l)
	if err != nil {
		return err
	}
	if int64(count) >= limit {
		return fmt.Errorf("%d messages follow on %s: %w", count, subject, ErrTrimmed)
	}
	return nil
}

// verifyLeader is verifyReach for messages from a sequence on that only the leader has; first is
// the first of them.
func (l *Log) verifyLeader(ctx context.Context, subject string, from, first uint64) error {
	info, err := l.limits.info(ctx, l)
	if err != nil {
		return err
	}
	if info.State.LastSeq < first+uint64(l.Suspicious())-1 {
		return nil // not that many messages follow, of all subjects
	}
	info, err = l.streamInfo(ctx, subject)
	if err != nil {
		return err
	}
	count := info.State.Subjects[subject]
	if count < uint64(l.Suspicious()) {
		return nil
	}
	// The oldest messages are dropped first: if an earlier one is still there, none after it is
	// missing.
	oldest, err := l.getFromLeader(ctx, messageGet{Sequence: 1, Next: subject})
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return err
	case oldest.Sequence < from:
		return nil
	}
	return l.verifyReach(ctx, subject, int(count))
}

// streamInfo asks the leader of the stream. With a subject, the answer has the number of its
// messages.
func (l *Log) streamInfo(ctx context.Context, subject string) (*jetstream.StreamInfo, error) {
	request, err := json.Marshal(struct {
		Subject string `json:"subjects_filter,omitempty"`
	}{subject})
	if err != nil {
		return nil, fmt.Errorf("encode a request: %w", err)
	}
	msg, err := l.host.Request(ctx, "$JS.API.STREAM.INFO."+l.stream, request)
	if err != nil {
		return nil, fmt.Errorf("ask for stream %s: %w", l.stream, err)
	}
	var answer struct {
		jetstream.StreamInfo
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return nil, fmt.Errorf("read the answer for stream %s: %w", l.stream, err)
	}
	if answer.Error != nil {
		return nil, fmt.Errorf("ask for stream %s: %w", l.stream, answer.Error)
	}
	return &answer.StreamInfo, nil
}

// limits caches what the stream says about its limits. Readers that ask at the same time share a
// request. Safe for concurrent use.
type limits struct {
	mu    sync.Mutex
	asked time.Time             // when the last request was sent; guarded by mu
	last  *jetstream.StreamInfo // its answer; guarded by mu
}

// info returns the stream's answer to a request that is sent after the call.
func (i *limits) info(ctx context.Context, l *Log) (*jetstream.StreamInfo, error) {
	called := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.last == nil || i.asked.Before(called) {
		asked := time.Now()
		info, err := l.streamInfo(ctx, "")
		if err != nil {
			return nil, err
		}
		i.asked, i.last = asked, info
	}
	return i.last, nil
}

// inForce returns the number of messages per subject below which none was dropped within the
// retention, up to the call.
func (i *limits) inForce(ctx context.Context, l *Log) (int64, error) {
	info, err := i.info(ctx, l)
	if err != nil {
		return 0, err
	}
	limit := info.Config.MaxMsgsPerSubject
	if !limitHolds(info.Config.Metadata[limitSinceKey], time.Now().Add(-l.retention()-retentionSlack)) {
		limit = min(limit, earlierPerSubject)
	}
	return limit, nil
}

// limitHolds reports whether the limit has been in force since a time.
func limitHolds(since string, from time.Time) bool {
	ms, err := strconv.ParseInt(since, 10, 64)
	return err == nil && time.UnixMilli(ms).Before(from)
}

// FirstKept returns the sequence of the oldest message of a subject if older ones may have been
// dropped; otherwise 0.
func (l *Log) FirstKept(ctx context.Context, subject string) (uint64, error) {
	info, err := l.streamInfo(ctx, subject)
	if err != nil {
		return 0, err
	}
	count := int(info.State.Subjects[subject])
	if count < l.Suspicious() {
		return 0, nil
	}
	err = l.verifyReach(ctx, subject, count)
	if !errors.Is(err, ErrTrimmed) {
		return 0, err
	}
	first, err := l.getFromLeader(ctx, messageGet{Sequence: 1, Next: subject})
	if errors.Is(err, ErrNotFound) {
		return 0, nil // all have expired meanwhile
	}
	return first.Sequence, err
}
