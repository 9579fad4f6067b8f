// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// inboxMessages and inboxBytes bound what may wait until it is queued with local members, which
	// takes microseconds each. Beyond them messages are dropped and counted. The bytes are those
	// that a NATS server, too, keeps for a slow client.
	inboxMessages = 65536
	inboxBytes    = 64 << 20
	// inboxOverhead is about what a message takes besides its subject and data.
	inboxOverhead = 256
	// inboxBatch is how many messages are taken before timers and others have their turn.
	inboxBatch = 1024
)

// inbox is where all subscriptions of a lane deliver, in the order in which NATS has sent. The
// client library bounds a channel by messages only, and has a goroutine for each subscription that
// is bounded by bytes; so one goroutine moves what comes in from the channel to a queue that is
// bounded by both. Safe for concurrent use.
type inbox struct {
	// in is for subscriptions. It is emptied at once.
	in chan *nats.Msg
	// wake is told that something waits, urgent that somebody waits for that to be taken.
	wake, urgent chan struct{}
	// overflow is called for each message that is dropped.
	overflow func(*nats.Msg)

	mu      sync.Mutex
	queue   []inboxItem                   // oldest first; guarded by mu
	bytes   int                           // guarded by mu
	dropped int                           // guarded by mu
	marks   map[*nats.Msg]chan<- struct{} // guarded by mu
	marked  bool                          // a mark has been queued since the last accept; guarded by mu
	// maxMessages and maxBytes are the constants, but for tests.
	maxMessages, maxBytes int
}

// inboxItem is a message, or a function to be called in its place.
type inboxItem struct {
	msg  *nats.Msg
	call func()
}

func newInbox(overflow func(*nats.Msg)) *inbox {
	return &inbox{
		in: make(chan *nats.Msg, inboxMessages), wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1), overflow: overflow,
		marks: map[*nats.Msg]chan<- struct{}{}, maxMessages: inboxMessages, maxBytes: inboxBytes,
	}
}

// run moves messages until stop is closed.
func (b *inbox) run(stop <-chan struct{}) {
	for {
		select {
		case msg := <-b.in:
			b.accept(msg)
		case <-stop:
			return
		}
	}
}

// accept queues a message, and those that wait behind it.
func (b *inbox) accept(msg *nats.Msg) {
	var dropped []*nats.Msg
	b.mu.Lock()
	if !b.add(msg) {
		dropped = append(dropped, msg)
	}
	for range len(b.in) { // nobody else takes from it
		if msg := <-b.in; !b.add(msg) {
			dropped = append(dropped, msg)
		}
	}
	urgent := b.marked
	b.marked = false
	b.mu.Unlock()
	b.signal()
	if urgent {
		tell(b.urgent)
	}
	for _, msg := range dropped {
		b.overflow(msg)
	}
}

// add is false for a message for which there is no room. The lock is held.
func (b *inbox) add(msg *nats.Msg) bool {
	if msg.Sub == nil { // NATS's own have one
		reached := b.marks[msg]
		delete(b.marks, msg)
		b.marked = true
		b.queue = append(b.queue, inboxItem{call: func() { close(reached) }})
		return true
	}
	size := sizeOf(msg)
	if len(b.queue) >= b.maxMessages || len(b.queue) > 0 && b.bytes+size > b.maxBytes {
		b.dropped++
		return false
	}
	b.queue = append(b.queue, inboxItem{msg: msg})
	b.bytes += size
	return true
}

func sizeOf(msg *nats.Msg) int { return len(msg.Data) + len(msg.Subject) + inboxOverhead }

// call has a function called when what is queued now has been taken.
func (b *inbox) call(f func()) {
	b.mu.Lock()
	b.queue = append(b.queue, inboxItem{call: f})
	b.mu.Unlock()
	b.signal()
}

func (b *inbox) signal() { tell(b.wake) }

// tell tells a channel with room for one, unless it has been told and nobody has come since.
func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take returns the oldest items, and has wake told again if more wait.
func (b *inbox) take() []inboxItem {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.queue
	if len(items) > inboxBatch {
		items, b.queue = items[:inboxBatch:inboxBatch], items[inboxBatch:]
		b.signal()
	} else {
		b.queue = nil
	}
	for _, item := range items {
		if item.msg != nil {
			b.bytes -= sizeOf(item.msg)
		}
	}
	return items
}

// settle returns when all that subscriptions had delivered before has been taken and dealt with, or
// stop is closed.
func (b *inbox) settle(stop <-chan struct{}) {
	select {
	case <-b.mark(stop):
	case <-stop:
	}
}

// each calls a function with all messages that subscriptions had delivered before. It is for the
// goroutine that takes.
func (b *inbox) each(stop <-chan struct{}, f func(*nats.Msg)) {
	for reached := b.mark(stop); ; {
		for _, item := range b.take() {
			if item.call != nil {
				item.call()
				continue
			}
			f(item.msg)
		}
		select {
		case <-reached:
			return
		case <-b.wake:
		case <-stop:
			return
		}
	}
}

// mark puts a mark behind what subscriptions have delivered. What it returns is closed when that
// has been taken.
func (b *inbox) mark(stop <-chan struct{}) <-chan struct{} {
	mark, reached := &nats.Msg{}, make(chan struct{})
	b.mu.Lock()
	b.marks[mark] = reached
	b.mu.Unlock()
	select {
	case b.in <- mark:
	case <-stop:
	}
	return reached
}

// drops is how many messages were dropped.
func (b *inbox) drops() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}
