// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// OutgoingAge and outgoingBytes bound what waits for NATS while it is away or stalled: after a
	// short interruption messages are still sent, and no client receives old ones.
	OutgoingAge   = 2 * time.Second
	outgoingBytes = 4 << 20
	// outgoingOverhead is the approximate size of a message besides its subject and data.
	outgoingOverhead = 128
	// spareMessages is the length of a queue that is worth keeping.
	spareMessages = 1024
)

// The reasons for which a message is not published.
const (
	DropExpired  = "expired"   // it has waited for OutgoingAge
	DropFull     = "full"      // outgoingBytes wait already
	DropVolatile = "volatile"  // it is volatile, and NATS is away
	DropTooLarge = "too_large" // too large for NATS, whose limit has decreased
	DropFailed   = "failed"    // the client library has failed to write it
	DropClosed   = "closed"    // the gateway ends
)

// DropReasons are all reasons for which a message is not published.
var DropReasons = []string{DropExpired, DropFull, DropVolatile, DropTooLarge, DropFailed, DropClosed}

// Outgoing publishes messages for other gateways over core NATS, in one order. A message gets its
// place when it is queued, before local members receive it, so that their replies follow it
// everywhere; and it is published after that, so that NATS delays no local member. One goroutine at
// a time publishes: while NATS blocks it, the others continue. Safe for concurrent use.
type Outgoing struct {
	publish func(subject string, header nats.Header, data []byte) error
	// connected must not wait for the connection, which may be blocked.
	connected func() bool
	dropped   func(reason string)
	now       func() time.Time
	// more wakes Run.
	more chan struct{}

	mu      sync.Mutex
	queue   []outgoingMessage // oldest first; guarded by mu
	spare   []outgoingMessage // an empty queue, to be used next; guarded by mu
	bytes   int               // guarded by mu
	sending bool              // a goroutine publishes; guarded by mu
	closed  bool              // guarded by mu
	idle    sync.Cond         // of mu; signaled when sending ends
}

type outgoingMessage struct {
	subject string
	header  nats.Header // nil for most
	data    []byte
	at      time.Time
}

func (m *outgoingMessage) size() int {
	size := len(m.subject) + len(m.data) + outgoingOverhead
	if m.header != nil {
		size += (&nats.Msg{Header: m.header}).Size()
	}
	return size
}

// OutgoingOptions are the callbacks of an Outgoing, and the clock; Now is time.Now if nil.
type OutgoingOptions struct {
	// Published is called for each published message, and Dropped with the reason for each other
	// one: one of DropReasons.
	Published func()
	Dropped   func(reason string)
	Now       func() time.Time
}

// NewOutgoing returns a queue of messages that are published on the connection.
func (c *Conn) NewOutgoing(options OutgoingOptions) *Outgoing {
	if options.Now == nil {
		options.Now = time.Now
	}
	o := &Outgoing{
		publish: func(subject string, header nats.Header, data []byte) error {
			err := c.publish(subject, header, data)
			if err == nil {
				options.Published()
			}
			return err
		},
		connected: c.Live,
		dropped:   options.Dropped,
		now:       options.Now,
		more:      make(chan struct{}, 1),
	}
	o.idle.L = &o.mu
	return o
}

// publish publishes with a header, if there is one and the server supports headers: what is in ours
// may be missing.
func (c *Conn) publish(subject string, header nats.Header, data []byte) error {
	if header == nil || !c.nc.HeadersSupported() {
		return c.nc.Publish(subject, data)
	}
	return c.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: data})
}

// Run publishes what others have left, until stop is closed.
func (o *Outgoing) Run(stop <-chan struct{}) {
	for {
		select {
		case <-o.more:
			o.Flush()
		case <-stop:
			return
		}
	}
}

// Push queues a message for each subject. The caller calls Flush, after it has done what must not
// wait.
func (o *Outgoing) Push(subjects []string, data []byte, volatile bool) {
	o.PushWith(nil, subjects, data, volatile)
}

// PushWith is Push with a header, which may be nil.
func (o *Outgoing) PushWith(header nats.Header, subjects []string, data []byte, volatile bool) {
	if volatile && !o.connected() {
		for range subjects {
			o.dropped(DropVolatile)
		}
		return
	}
	now := o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(now)
	for _, subject := range subjects {
		m := outgoingMessage{subject, header, data, now}
		switch {
		case o.closed:
			o.dropped(DropClosed)
		case o.bytes > 0 && o.bytes+m.size() > outgoingBytes:
			o.dropped(DropFull)
		default:
			o.queue = append(o.queue, m)
			o.bytes += m.size()
		}
	}
}

// Send queues a message and publishes it, unless another goroutine is publishing and takes it
// along.
func (o *Outgoing) Send(subject string, data []byte) { o.SendWith(nil, subject, data) }

// SendWith is Send with a header, which may be nil.
func (o *Outgoing) SendWith(header nats.Header, subject string, data []byte) {
	o.PushWith(header, []string{subject}, data, false)
	o.Flush()
}

// Flush publishes what waits now. Messages that come in the meantime are left to Run, so that no
// caller works for the others for long.
func (o *Outgoing) Flush() {
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

// finish ends a round of Flush, and reports whether another one may get further. If NATS is away,
// the connection calls Flush when it is back, unless it has done so during this round.
func (o *Outgoing) finish(batch []outgoingMessage, sent int) (more bool) {
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

// publishAll returns how many messages are done. It stops if NATS is away.
func (o *Outgoing) publishAll(batch []outgoingMessage) int {
	for i := range batch {
		switch err := o.publish(batch[i].subject, batch[i].header, batch[i].data); {
		case err == nil:
		case errors.Is(err, nats.ErrReconnectBufExceeded):
			return i
		case errors.Is(err, nats.ErrMaxPayload):
			o.dropped(DropTooLarge)
		case errors.Is(err, nats.ErrConnectionClosed):
			o.dropped(DropClosed)
		default:
			o.dropped(DropFailed)
		}
	}
	return len(batch)
}

// goOn makes Run call Flush soon.
func (o *Outgoing) goOn() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// expire drops what has waited for too long. The lock is held.
func (o *Outgoing) expire(now time.Time) {
	n := 0
	for n < len(o.queue) && now.Sub(o.queue[n].at) > OutgoingAge {
		o.bytes -= o.queue[n].size()
		o.dropped(DropExpired)
		n++
	}
	if n > 0 {
		clear(o.queue[:n]) // otherwise the array would keep them in memory
		o.queue = o.queue[n:]
	}
}

// Drain returns when what waits has been published, if NATS is connected.
func (o *Outgoing) Drain() {
	o.mu.Lock()
	for o.sending {
		o.idle.Wait()
	}
	o.mu.Unlock()
	o.Flush()
}

// Close publishes what waits, and refuses further messages.
func (o *Outgoing) Close() {
	o.Drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for o.sending {
		o.idle.Wait()
	}
	for range o.queue {
		o.dropped(DropClosed)
	}
	o.queue, o.bytes = nil, 0
}
