// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"cmp"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// rejectionLogInterval is the shortest time between two logs of the same reason. All rejections are
// counted.
const rejectionLogInterval = time.Minute

// The reasons for which messages are never stored, as labels of a metric.
const (
	reasonSize      = "size"      // too large for NATS or the stream
	reasonJetStream = "jetstream" // JetStream refuses it permanently, for another reason
	reasonClosed    = "closed"    // the gateway ended before
)

func rejectionReason(err error) string {
	switch {
	case IsTooLarge(err):
		return reasonSize
	case errors.Is(err, outbox.ErrClosed):
		return reasonClosed
	default:
		return reasonJetStream
	}
}

// IsTooLarge reports whether an error means that a message is too large for NATS or the log.
func IsTooLarge(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, outbox.ErrTooLarge)
}

// rejections count the messages that were not stored and never will be. One client that sends such
// messages must not fill the gateway's log, so each reason is logged at intervals. Safe for
// concurrent use.
type rejections struct {
	size, jetStream, closed rejectionLog
}

type rejectionLog struct {
	sometimes rate.Sometimes
	// unlogged is the number of rejections since the last log line.
	unlogged atomic.Int64
}

func newRejections() *rejections {
	r := &rejections{}
	for _, l := range []*rejectionLog{&r.size, &r.jetStream, &r.closed} {
		l.sometimes.Interval = rejectionLogInterval
	}
	return r
}

func (r *rejections) of(reason string) *rejectionLog {
	switch reason {
	case reasonSize:
		return &r.size
	case reasonClosed:
		return &r.closed
	default:
		return &r.jetStream
	}
}

// reject counts a message that is not stored and never will be, and logs the reason. A session that
// belongs to another gateway by now is no error, and is reported to its client.
func (l *Log) reject(e *outbox.Message, err error) {
	if errors.Is(err, outbox.ErrWrongSequence) {
		return
	}
	reason := rejectionReason(err)
	l.metrics.Rejected.WithLabelValues(reason).Inc()
	kind := l.rejected.of(reason)
	kind.unlogged.Add(1)
	subject := cmp.Or(e.LogAs, wire.LoggedSubject(e.Subject))
	kind.sometimes.Do(func() {
		l.log.Error("a message was not stored and never will be", "stream", l.stream, "reason", reason, "subject", subject,
			"bytes", len(e.Data), "error", err, "messages", kind.unlogged.Swap(0))
	})
}
