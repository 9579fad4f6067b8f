// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// outgoingAge and outgoingBytes bound what waits for NATS, be it away or stalled: what a short
	// interruption delays still goes out, and no client hears what was said long before.
	outgoingAge   = 2 * time.Second
	outgoingBytes = 4 << 20
	// outgoingOverhead is about what a message takes besides its subject and data.
	outgoingOverhead = 128
	// spareMessages is the length of a queue that is worth being kept.
	spareMessages = 1024
)

// The reasons for which a message is not published.
const (
	dropExpired  = "expired"   // it has waited for outgoingAge
	dropFull     = "full"      // outgoingBytes wait already
	dropVolatile = "volatile"  // it is volatile, and NATS is away
	dropTooLarge = "too_large" // NATS carries no message of that size any more
	dropFailed   = "failed"    // the client library has failed to write it
	dropClosed   = "closed"    // the gateway ends
)

var dropReasons = []string{dropExpired, dropFull, dropVolatile, dropTooLarge, dropFailed, dropClosed}

// outgoing publishes on core NATS what is for other gateways, in one order. A message gets its
// place when it is queued, before local members get it, so that what they say upon it follows it
// everywhere; and it is published after, so that NATS delays no local member. One goroutine at a
// time publishes: while NATS blocks it, the others go on. Safe for concurrent use.
type outgoing struct {
	publish func(subject string, data []byte) error
	// connected must not wait for the connection, which may be blocked.
	connected func() bool
	dropped   func(reason string)
	now       func() time.Time
	// more asks run to go on.
	more chan struct{}

	mu      sync.Mutex
	queue   []outgoingMessage // oldest first; guarded by mu
	spare   []outgoingMessage // an empty queue, to be used next; guarded by mu
	bytes   int               // guarded by mu
	sending bool              // a goroutine publishes; guarded by mu
	closed  bool              // guarded by mu
	idle    sync.Cond         // of mu; told when sending ends
}

type outgoingMessage struct {
	subject string
	data    []byte
	at      time.Time
}

func (m *outgoingMessage) size() int { return len(m.subject) + len(m.data) + outgoingOverhead }

func newOutgoing(c *Cluster, now func() time.Time) *outgoing {
	o := &outgoing{
		publish: func(subject string, data []byte) error {
			err := c.nc.Publish(subject, data)
			if err == nil {
				c.metrics.published.Inc()
			}
			return err
		},
		connected: c.link.live.Load,
		dropped: func(reason string) {
			c.metrics.failed.Inc()
			c.metrics.dropped.WithLabelValues(reason).Inc()
		},
		now:  now,
		more: make(chan struct{}, 1),
	}
	o.idle.L = &o.mu
	return o
}

// run publishes what is left over by others, until stop is closed.
func (o *outgoing) run(stop <-chan struct{}) {
	for {
		select {
		case <-o.more:
			o.flush()
		case <-stop:
			return
		}
	}
}

// push queues a message for each subject. The caller calls flush, after it has done what must not
// wait.
func (o *outgoing) push(subjects []string, data []byte, volatile bool) {
	if volatile && !o.connected() {
		for range subjects {
			o.dropped(dropVolatile)
		}
		return
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(now)
	for _, subject := range subjects {
		m := outgoingMessage{subject, data, now}
		switch {
		case o.closed:
			o.dropped(dropClosed)
		case o.bytes > 0 && o.bytes+m.size() > outgoingBytes:
			o.dropped(dropFull)
		default:
			o.queue = append(o.queue, m)
			o.bytes += m.size()
		}
	}
}

// send queues a message and publishes it, unless another goroutine is at it and takes it along.
func (o *outgoing) send(subject string, data []byte) {
	o.push([]string{subject}, data, false)
	o.flush()
}

// flush publishes what waits now. What comes meanwhile is left to run, so that no caller works for
// the others for long.
func (o *outgoing) flush() {
	o.mu.Lock()
	if o.sending || len(o.queue) == 0 {
		o.mu.Unlock()
		return
	}
	o.sending = true
	o.expire(o.now())
	batch := o.queue
	o.queue, o.spare = o.spare, nil
	o.mu.Unlock()

	sent := o.publishAll(batch)

	if o.finish(batch, sent) {
		o.goOn()
	}
}

// finish ends a round of flush, and tells whether another one may get further. Where NATS is away
// it is the link that calls flush when it is back, unless it has done so during this round.
func (o *outgoing) finish(batch []outgoingMessage, sent int) (more bool) {
	o.mu.Lock()
	o.sending = false
	o.idle.Broadcast()
	for i := range batch[:sent] {
		o.bytes -= batch[i].size()
	}
	if sent < len(batch) {
		o.queue = append(batch[sent:], o.queue...)
		o.expire(o.now())
	} else if cap(batch) <= spareMessages {
		clear(batch)
		o.spare = batch[:0]
	}
	more = len(o.queue) > 0
	o.mu.Unlock()
	return more && (sent == len(batch) || o.connected())
}

// publishAll returns how many messages need nothing more. It stops where NATS is away.
func (o *outgoing) publishAll(batch []outgoingMessage) int {
	for i := range batch {
		switch err := o.publish(batch[i].subject, batch[i].data); {
		case err == nil:
		case errors.Is(err, nats.ErrReconnectBufExceeded):
			return i
		case errors.Is(err, nats.ErrMaxPayload):
			o.dropped(dropTooLarge)
		case errors.Is(err, nats.ErrConnectionClosed):
			o.dropped(dropClosed)
		default:
			o.dropped(dropFailed)
		}
	}
	return len(batch)
}

// goOn has run flush soon.
func (o *outgoing) goOn() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// expire drops what has waited for too long. The lock is held.
func (o *outgoing) expire(now time.Time) {
	n := 0
	for n < len(o.queue) && now.Sub(o.queue[n].at) > outgoingAge {
		o.bytes -= o.queue[n].size()
		o.dropped(dropExpired)
		n++
	}
	if n > 0 {
		clear(o.queue[:n]) // what is cut off stays in memory with the rest
		o.queue = o.queue[n:]
	}
}

// drain returns when what waits has been published, if NATS is there.
func (o *outgoing) drain() {
	o.mu.Lock()
	for o.sending {
		o.idle.Wait()
	}
	o.mu.Unlock()
	o.flush()
}

// close publishes what waits, and refuses what comes.
func (o *outgoing) close() {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for o.sending {
		o.idle.Wait()
	}
	for range o.queue {
		o.dropped(dropClosed)
	}
	o.queue, o.bytes = nil, 0
}
