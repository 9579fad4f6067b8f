// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// backlogIdle is how long a backlog is kept without being used.
	backlogIdle = 5 * time.Second
	// maxBacklogsBytes bounds the size of all backlogs.
	maxBacklogsBytes = 64 << 20
	// backlogReads is how many backlogs are read at once, and ownReads how many sessions at once
	// read a part that is too large to be kept.
	backlogReads = 16
	ownReads     = 2
	// fewReturning is how many clients of a gateway may return at the same time before it is
	// considered lost: then the events for its sockets are read for all of them at once.
	fewReturning = 4
)

// backlogs has what returning sessions have missed. Safe for concurrent use.
type backlogs struct {
	log *eventlog.Log
	// reads and own hold an element for each read of the log that is in progress.
	reads, own chan struct{}

	mu        sync.Mutex
	byPattern map[string]*backlog // guarded by mu
	// returning counts the sessions that are being recovered, by the gateway that their sockets'
	// ids name. Guarded by mu.
	returning map[string]int
	sweeping  *time.Timer // set while there are backlogs; guarded by mu
}

func newBacklogs(l *eventlog.Log) *backlogs {
	return &backlogs{
		log: l, reads: make(chan struct{}, backlogReads), own: make(chan struct{}, ownReads),
		byPattern: map[string]*backlog{}, returning: map[string]int{},
	}
}

// begin counts a session as being recovered, until done is called.
func (c *backlogs) begin(socketID string) (done func()) {
	gateway, _ := wire.GatewayOfSocket(socketID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returning[gateway]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.returning[gateway]--; c.returning[gateway] == 0 {
			delete(c.returning, gateway)
		}
	}
}

// patternOf returns the subjects to read for a room: if it belongs to a socket of a lost gateway,
// those of all its sockets at once.
func (c *backlogs) patternOf(ns *Namespace, room string) string {
	pattern := ns.base.Subjects().Stored(ns.base.Subjects().Room(room))
	gateway, _, ok := wire.OwnerOfRoom(room)
	if !ok {
		return pattern
	}
	all := ns.base.Subjects().Stored(ns.base.Subjects().Interest(room))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byPattern[all] != nil || c.returning[gateway] > fewReturning {
		return all
	}
	return pattern
}

// get returns the backlog of a pattern. A backlog of another log incarnation, or with another
// policy, is replaced.
func (c *backlogs) get(ns *Namespace, pattern string) *backlog {
	generation, policy := c.log.Incarnation(), ns.policy.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.byPattern[pattern]
	if b == nil || b.generation != generation || b.policy != policy {
		b = &backlog{
			namespace: ns, pattern: pattern, generation: generation, policy: policy,
			reading: make(chan struct{}, 1), events: map[string][]missedEvent{}, used: time.Now(),
		}
		c.byPattern[pattern] = b
	}
	if c.sweeping == nil {
		c.sweeping = time.AfterFunc(backlogIdle, c.sweep)
	}
	return b
}

// sweep drops backlogs that are not used any more, and if all together are too large, those that
// have not been used for the longest.
func (c *backlogs) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	type entry struct {
		pattern string
		used    time.Time
		bytes   int
	}
	kept, sum := make([]entry, 0, len(c.byPattern)), 0
	for pattern, b := range c.byPattern {
		b.mu.Lock()
		kept = append(kept, entry{pattern, b.used, b.bytes})
		sum += b.bytes
		b.mu.Unlock()
	}
	slices.SortFunc(kept, func(a, b entry) int { return a.used.Compare(b.used) })
	idle := time.Now().Add(-backlogIdle)
	for _, e := range kept {
		if e.used.After(idle) && sum <= maxBacklogsBytes {
			break
		}
		delete(c.byPattern, e.pattern)
		sum -= e.bytes
	}
	c.sweeping = nil
	if len(c.byPattern) > 0 {
		c.sweeping = time.AfterFunc(backlogIdle, c.sweep)
	}
}

// each passes on the events of a room's subject in a part of the log, in order.
func (c *backlogs) each(ctx context.Context, ns *Namespace, pattern, subject string, part span, each func(missedEvent) error) error {
	if part.After >= part.UpTo {
		return nil
	}
	events, err := c.get(ns, pattern).read(ctx, subject, part)
	if errors.Is(err, errOversize) {
		return c.eachOwn(ctx, ns, subject, part, each)
	}
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// eachOwn is each for a part that is too large to be kept. Few sessions read so at once; the others
// wait.
func (c *backlogs) eachOwn(ctx context.Context, ns *Namespace, subject string, part span, each func(missedEvent) error) error {
	if err := acquire(ctx, c.own); err != nil {
		return err
	}
	defer release(c.own)
	return c.log.Fetch(ctx, subject, part.After+1, part.UpTo, func(stored eventlog.Message) error {
		if e, ok := ns.missedEvent(stored); ok {
			return each(e)
		}
		return nil
	})
}

func acquire(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func release(slots chan struct{}) { <-slots }
