// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// reachFor is how long gateways may cache how far the log reaches back.
const reachFor = time.Second

// cut removes from a history the events that are older than what the log has of the room, on either
// of the two subjects of the room's events. So a gateway that has watched the room returns the same
// as one that reads the log. A history that begins within the last messages of the log, like most,
// needs no request.
func (h *Rooms) cut(ctx context.Context, room string, messages []*eventlog.Message, head uint64) ([]*eventlog.Message, error) {
	head = max(head, h.log.Delivered()) // if the room is watched, all later messages have been delivered
	for _, subject := range []string{h.source.Subjects().Room(room), h.source.Subjects().All()} {
		if len(messages) == 0 || head < messages[0].Sequence+uint64(h.log.Suspicious()) {
			break
		}
		first, err := h.reach.of(ctx, h.log, h.source.Subjects().Stored(subject))
		if err != nil {
			return nil, err
		}
		kept := func(m *eventlog.Message) bool { return m.Sequence >= first }
		if n := slices.IndexFunc(messages, kept); n >= 0 {
			messages = messages[n:]
		} else {
			messages = nil
		}
	}
	return messages, nil
}

// reaches has how far the log reaches back on subjects. Safe for concurrent use.
type reaches struct {
	mu    sync.Mutex
	known map[string]reach // guarded by mu
}

// reach is the sequence of the oldest message of a subject after which none is missing, and when
// that was asked.
type reach struct {
	first uint64
	asked time.Time
}

// of returns 0 for a subject that has not lost any messages to its limit. Callers wait for each
// other, so that one of them asks.
func (r *reaches) of(ctx context.Context, l *eventlog.Log, subject string) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for s, k := range r.known {
		if now.Sub(k.asked) > reachFor {
			delete(r.known, s)
		}
	}
	if k, ok := r.known[subject]; ok {
		return k.first, nil
	}
	first, err := l.FirstKept(ctx, subject)
	if err != nil {
		return 0, err
	}
	if r.known == nil {
		r.known = map[string]reach{}
	}
	r.known[subject] = reach{first, now}
	return first, nil
}
