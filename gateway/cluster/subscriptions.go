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

// subscriptions are what a namespace of this gateway subscribes to: the subjects of rooms with a local member, and for a while
// those of rooms that the last one has left, since many come back. So NATS routes, and a gateway gets no message that
// nobody there wants. Safe for concurrent use.
type subscriptions struct {
	cluster *Cluster
	// inboxOf is where the messages of a subject go.
	inboxOf func(subject string) *natsconn.Inbox

	mu     sync.Mutex
	subs   map[string]*subscription // by subject; guarded by mu
	idle   map[string]idleSubject   // guarded by mu
	sweep  *time.Timer              // set while something is idle; guarded by mu
	closed bool                     // guarded by mu
}

type subscription struct {
	sub *nats.Subscription
	// last is the number of the last message of the log on the subject; 0 if there has been none. The lock of subscriptions guards it.
	last uint64
	// ready is closed when NATS has confirmed it, or did not in time.
	ready chan struct{}
}

type idleSubject struct {
	since time.Time
	// unused tells whether nobody has come back.
	unused func() bool
}

func newSubscriptions(c *Cluster, inboxOf func(subject string) *natsconn.Inbox) *subscriptions {
	return &subscriptions{cluster: c, inboxOf: inboxOf, subs: map[string]*subscription{}, idle: map[string]idleSubject{}}
}

// want subscribes to what is not subscribed yet, and returns when all of it is in force. While NATS is away it does not wait:
// the client library subscribes again when it is back.
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
		// Only a closed connection refuses.
		i.cluster.log.Error("subscribe to a room", "subject", wire.LoggedSubject(subject), "error", err)
		return nil
	}
	s := &subscription{sub: sub, ready: make(chan struct{})}
	i.subs[subject] = s
	i.cluster.metrics.subscriptions.Inc()
	return s
}

// advance notes the number of a message of the log, and returns that of the one before it on the subject, or what begin was told. It is 0
// if there was neither since the subscription began, or if the subscription is to more than this subject.
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

// begin says that a subject's messages up to a number concern nobody here, or have been delivered, if none has come in yet: so what
// is lost before the first that comes in is missed too.
func (i *subscriptions) begin(subject string, number uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s := i.subs[subject]; s != nil && s.last == 0 {
		s.last = number
	}
}

// startOver is for a log that was lost: all of the new one is for the subscriptions that there are.
func (i *subscriptions) startOver() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.subs {
		s.last = eventlog.Start
	}
}

// maxIdle is how many subjects are idle at most: who joins and leaves rooms as fast as it can would otherwise have a gateway
// subscribed to all that it was in within the linger.
const maxIdle = 1000

// release ends a subscription after the linger, or before that if there are too many such, if it is unused then.
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

// sweepIdle ends what has been idle for long enough, and comes back for the rest.
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

// endOne ends one that is idle, whichever. It is called with mu held.
func (i *subscriptions) endOne() {
	for subject, idle := range i.idle {
		i.end(subject, idle)
		return
	}
}

// end ends one that is idle, if nobody has come back. It is called with mu held.
func (i *subscriptions) end(subject string, idle idleSubject) {
	delete(i.idle, subject)
	// A member joins before it wants: who is there now either shows here, or subscribes anew after us.
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

// dropped is the number of messages that came in faster than they were taken, over the live subscriptions.
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
