// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

const (
	// lookupBatch is how many sessions are looked up by one request; JetStream accepts 1,024
	// subjects (NATS ADR-31).
	lookupBatch = 128
	// lookupPause is the pause between two such requests: sessions that return in the meantime
	// share the next one.
	lookupPause = 10 * time.Millisecond
	// lookupTimeout is how long the log may take to answer.
	lookupTimeout = time.Second
)

// lookups find the last messages of sessions, those of many by one request. Any replica answers it,
// even one that does not have the last messages yet: then the gateway's attempt to take the session
// over is refused, and it asks the leader. Safe for concurrent use.
type lookups struct {
	owner *Sessions

	mu sync.Mutex
	// waiting are the lookups of the next request. Guarded by mu.
	waiting []*lookup
	// running reports whether a request is in progress. Guarded by mu.
	running bool
}

// lookup is the lookup of one session.
type lookup struct {
	subject string
	done    chan struct{}
	// found is the answer of the log, once done is closed. Without a sequence, the log did not
	// answer.
	found eventlog.Message
}

// last returns the last message of a session; eventlog.ErrNotFound if there is none. If no other
// lookup is in progress, the leader is asked.
func (q *lookups) last(ctx context.Context, subject string) (eventlog.Message, error) {
	if q.alone() {
		defer q.next() //nolint:contextcheck // it looks up for others
		return q.owner.log.Latest(ctx, subject)
	}
	one := q.join(subject) //nolint:contextcheck // it goes on for others when one gives up
	if err := one.wait(ctx); err != nil {
		return eventlog.Message{}, err
	}
	if one.found.Sequence != 0 {
		return one.found, nil
	}
	return q.owner.log.Latest(ctx, subject) // the replica may not have it yet
}

// wait returns when the log has answered. Many goroutines wait at once, so it has little on its
// stack.
func (o *lookup) wait(ctx context.Context) error {
	select {
	case <-o.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("look a session up: %w", ctx.Err())
	}
}

// alone reports whether no other lookup is in progress. If so, the caller calls next when it is
// done.
func (q *lookups) alone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running {
		return false
	}
	q.running = true
	return true
}

func (q *lookups) join(subject string) *lookup {
	one := &lookup{subject: subject, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, one)
	if !q.running { // the previous request has ended meanwhile
		q.running = true
		go q.run()
	}
	return one
}

// next starts the lookups that have come in the meantime.
func (q *lookups) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = len(q.waiting) > 0
	if q.running {
		go q.run()
	}
}

// run looks up the waiting sessions, until there are none.
func (q *lookups) run() {
	for {
		select {
		case <-time.After(lookupPause):
		case <-q.owner.stop:
		}
		q.mu.Lock()
		batch := q.waiting[:min(len(q.waiting), lookupBatch)]
		q.waiting = q.waiting[len(batch):]
		if len(batch) == 0 {
			q.running, q.waiting = false, nil
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		q.find(batch)
	}
}

// find looks up some sessions. A session that is not found is asked for again, separately.
func (q *lookups) find(batch []*lookup) {
	ctx, cancel := context.WithTimeout(q.owner.life, lookupTimeout)
	defer cancel()
	bySubject := make(map[string][]*lookup, len(batch))
	subjects := make([]string, 0, len(batch))
	for _, one := range batch {
		if bySubject[one.subject] == nil {
			subjects = append(subjects, one.subject)
		}
		bySubject[one.subject] = append(bySubject[one.subject], one)
	}
	err := q.owner.log.LatestOf(ctx, subjects, func(m eventlog.Message) {
		for _, one := range bySubject[m.Subject] {
			one.found = m
		}
	})
	if err != nil {
		q.owner.logger.Debug("sessions could not be looked up together", "error", err)
	}
	for _, one := range batch {
		close(one.done)
	}
}
