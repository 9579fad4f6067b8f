// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// reachFor is how long gateways may use an answer for how far the log reaches back.
const reachFor = time.Second

// cut takes from a history what is older than what the log has of the room, on either of the two subjects that the room's
// events have. So a gateway that has watched the room says the same as one that reads the log. A history that begins within
// the last messages of the log, as most do, needs no request.
func (h *histories) cut(ctx context.Context, a *adapter, room string, messages []*storedMessage, head uint64) ([]*storedMessage, error) {
	l := a.cluster.events
	l.delivering.Lock()
	head = max(head, l.position) // where the room is watched, all that came later has been delivered
	l.delivering.Unlock()
	for _, subject := range []string{a.subjects.Room(room), a.subjects.All()} {
		if len(messages) == 0 || head < messages[0].number+uint64(l.suspicious()) {
			break
		}
		first, err := h.reach.of(ctx, l, a.subjects.Stored(subject))
		if err != nil {
			return nil, err
		}
		kept := func(m *storedMessage) bool { return m.number >= first }
		if n := slices.IndexFunc(messages, kept); n >= 0 {
			messages = messages[n:]
		} else {
			messages = nil
		}
	}
	return messages, nil
}

// reaches are how far the log reaches back on subjects. Safe for concurrent use.
type reaches struct {
	mu    sync.Mutex
	known map[string]reach // guarded by mu
}

// reach is the number of the oldest message of a subject that has none missing behind it, and when that was asked.
type reach struct {
	first uint64
	asked time.Time
}

// of is 0 for a subject that has not lost any messages to its limit. Callers wait for each other, so one of them asks.
func (r *reaches) of(ctx context.Context, l *eventLog, subject string) (uint64, error) {
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
	first, err := l.firstKept(ctx, subject)
	if err != nil {
		return 0, err
	}
	if r.known == nil {
		r.known = map[string]reach{}
	}
	r.known[subject] = reach{first, now}
	return first, nil
}

// firstKept is the number of the oldest message of a subject if older ones may have been dropped; else 0.
func (l *eventLog) firstKept(ctx context.Context, subject string) (uint64, error) {
	info, err := l.streamInfo(ctx, subject)
	if err != nil {
		return 0, err
	}
	count := int(info.State.Subjects[subject])
	if count < l.suspicious() {
		return 0, nil
	}
	err = l.verifyReach(ctx, subject, count)
	if !errors.Is(err, errTrimmed) {
		return 0, err
	}
	first, err := l.getFromLeader(ctx, messageGet{Sequence: 1, Next: subject})
	if errors.Is(err, errNotFound) {
		return 0, nil // all have expired meanwhile
	}
	return first.number, err
}
