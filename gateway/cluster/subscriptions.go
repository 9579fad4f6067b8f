// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// subscriptions are the subscriptions of a namespace on this gateway: the subjects of rooms with a
// local member, and for a while those of rooms that the last member has left, since many come back.
// So NATS does the routing, and a gateway receives no message that nobody there needs. Safe for
// concurrent use.
type subscriptions struct {
	cluster *Cluster
	// inboxOf returns the inbox for the messages of a subject.
	inboxOf func(subject string) *natsconn.Inbox

	mu     sync.Mutex
	subs   map[string]*subscription // by subject; guarded by mu
	idle   map[string]idleSubject   // guarded by mu
	sweep  *time.Timer              // set while a subject is idle; guarded by mu
	closed bool                     // guarded by mu
}

type subscription struct {
	sub *nats.Subscription
	// last is the number of the last message of the log on the subject; 0 if there has been none.
	// Guarded by the lock of subscriptions.
	last uint64
	// ready is closed when NATS has confirmed the subscription, or has not done so in time.
	ready chan struct{}
}

type idleSubject struct {
	since time.Time
	// unused reports whether the subject is still not needed.
	unused func() bool
}

func newSubscriptions(c *Cluster, inboxOf func(subject string) *natsconn.Inbox) *subscriptions {
	return &subscriptions{cluster: c, inboxOf: inboxOf, subs: map[string]*subscription{}, idle: map[string]idleSubject{}}
}

// want subscribes to missing subjects, and returns when all are in force. While NATS is away it
// does not wait: the client library subscribes again when it is back.
func (i *subscriptions) want(subjects []string) {
	var fresh, pending []*subscription
	i.mu.Lock()
	for _, subject := range subjects {
		delete(i.idle, subject)
		s := i.subs[subject]
		if s == nil {
			if s = i.subscribe(subject); s == nil {
				continue
			}
			fresh = append(fresh, s)
		}
		pending = append(pending, s)
	}
	i.mu.Unlock()

	if len(fresh) > 0 {
		i.cluster.confirmSubscriptions()
		for _, s := range fresh {
			close(s.ready)
		}
	}
	for _, s := range pending {
		<-s.ready
	}
}

// inForce reports whether want would return at once.
func (i *subscriptions) inForce(subjects []string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, subject := range subjects {
		s := i.subs[subject]
		if s == nil {
			return false
		}
		select {
		case <-s.ready:
		default:
			return false
		}
	}
	return true
}

// subscribe is called with mu held.
func (i *subscriptions) subscribe(subject string) *subscription {
	if i.closed {
		return nil
	}
	sub, err := i.cluster.nc.ChanSubscribe(subject, i.inboxOf(subject).In)
	if err != nil {
		// Only a closed connection refuses a subscription.
		i.cluster.log.Error("subscribe to a room", "subject", wire.LoggedSubject(subject), "error", err)
		return nil
	}
	s := &subscription{sub: sub, ready: make(chan struct{})}
	i.subs[subject] = s
	i.cluster.metrics.subscriptions.Inc()
	return s
}

// advance stores the number of a message of the log, and returns that of the one before it on the
// subject, or the number passed to begin. It returns 0 if there was neither since the subscription
// began, or if the subscription covers more than this subject.
func (i *subscriptions) advance(subject string, number uint64) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.subs[subject]
	if s == nil {
		return 0
	}
	before := s.last
	s.last = max(before, number)
	return before
}

// begin states that a subject's messages up to a number concern nobody here, or have been
// delivered, if none has arrived yet: then messages that are lost before the first arrival are
// noticed too.
func (i *subscriptions) begin(subject string, number uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s := i.subs[subject]; s != nil && s.last == 0 {
		s.last = number
	}
}

// startOver is called when the log was lost: all messages of the new one are for the present
// subscriptions.
func (i *subscriptions) startOver() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.subs {
		s.last = eventlog.Start
	}
}

// maxIdle bounds the number of idle subjects: otherwise a client that joins and leaves rooms as
// fast as it can would make a gateway subscribe to all rooms of the linger.
const maxIdle = 1000

// release ends a subscription after the linger, or earlier if there are too many idle ones, unless
// it is needed again by then.
func (i *subscriptions) release(subject string, unused func() bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.subs[subject] == nil || i.closed {
		return
	}
	i.idle[subject] = idleSubject{since: time.Now(), unused: unused}
	if len(i.idle) > maxIdle {
		i.endOne()
	}
	if i.sweep == nil {
		i.sweep = time.AfterFunc(i.cluster.linger, i.sweepIdle)
	}
}

// sweepIdle ends the subscriptions that have been idle for long enough, and sets the timer for the
// rest.
func (i *subscriptions) sweepIdle() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sweep = nil
	if i.closed {
		return
	}
	var next time.Duration
	for subject, idle := range i.idle {
		if left := i.cluster.linger - time.Since(idle.since); left > 0 {
			if next == 0 || left < next {
				next = left
			}
			continue
		}
		i.end(subject, idle)
	}
	if next > 0 {
		i.sweep = time.AfterFunc(next, i.sweepIdle)
	}
}

// endOne ends any one of the idle subscriptions. It is called with mu held.
func (i *subscriptions) endOne() {
	for subject, idle := range i.idle {
		i.end(subject, idle)
		return
	}
}

// end ends an idle subscription, unless it is needed again. It is called with mu held.
func (i *subscriptions) end(subject string, idle idleSubject) {
	delete(i.idle, subject)
	// A socket becomes a member before it calls want: a member is either visible here, or
	// subscribes again after this.
	if !idle.unused() {
		return
	}
	if err := i.drop(subject); err != nil {
		i.cluster.log.Warn("give up a room that nobody here is in any more", "error", err)
	}
}

// drop is called with mu held.
func (i *subscriptions) drop(subject string) error {
	s := i.subs[subject]
	delete(i.subs, subject)
	i.cluster.metrics.subscriptions.Dec()
	i.cluster.metrics.countDropped(s.sub)
	if err := s.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("unsubscribe from %s: %w", wire.LoggedSubject(subject), err)
	}
	return nil
}

func (i *subscriptions) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	if i.sweep != nil {
		i.sweep.Stop()
	}
	var errs []error
	for subject := range i.subs {
		errs = append(errs, i.drop(subject))
	}
	return errors.Join(errs...)
}

// dropped returns the number of messages that arrived faster than they were handled, over the live
// subscriptions.
func (i *subscriptions) dropped() float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	total := 0
	for _, s := range i.subs {
		total += droppedBy(s.sub)
	}
	return float64(total)
}

func droppedBy(s *nats.Subscription) int {
	n, err := s.Dropped()
	if err != nil {
		return 0 // already closed
	}
	return n
}
