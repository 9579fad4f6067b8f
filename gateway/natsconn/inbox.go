// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"cmp"
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

// Inbox is where all subscriptions of a lane deliver, in the order in which NATS has sent. The
// client library bounds a channel by messages only, and has a goroutine for each subscription that
// is bounded by bytes; so one goroutine moves what comes in from the channel to a queue that is
// bounded by both. Safe for concurrent use.
type Inbox struct {
	options InboxOptions
	// In is for subscriptions. It is emptied at once.
	In chan *nats.Msg
	// Wake is told that something waits, Urgent that somebody waits for that to be taken.
	Wake, Urgent chan struct{}

	mu      sync.Mutex
	queue   []Item                        // oldest first; guarded by mu
	bytes   int                           // guarded by mu
	dropped int                           // guarded by mu
	marks   map[*nats.Msg]chan<- struct{} // guarded by mu
	marked  bool                          // a mark has been queued since the last accept; guarded by mu
}

// Item is a message, or a function to be called in its place.
type Item struct {
	Msg  *nats.Msg
	Call func()
}

// InboxOptions bound an Inbox. Overflow is called for each message that is dropped.
type InboxOptions struct {
	Overflow func(*nats.Msg)
	// MaxMessages and MaxBytes are how much may wait: 65,536 messages and 64 MiB if they are zero.
	MaxMessages, MaxBytes int
}

// NewInbox returns an empty Inbox. Run must be called for anything to come in.
func NewInbox(o InboxOptions) *Inbox {
	o.MaxMessages = cmp.Or(o.MaxMessages, inboxMessages)
	o.MaxBytes = cmp.Or(o.MaxBytes, inboxBytes)
	return &Inbox{
		options: o, In: make(chan *nats.Msg, inboxMessages), Wake: make(chan struct{}, 1), Urgent: make(chan struct{}, 1),
		marks: map[*nats.Msg]chan<- struct{}{},
	}
}

// Run moves messages until stop is closed.
func (b *Inbox) Run(stop <-chan struct{}) {
	for {
		select {
		case msg := <-b.In:
			b.accept(msg)
		case <-stop:
			return
		}
	}
}

// accept queues a message, and those that wait behind it.
func (b *Inbox) accept(msg *nats.Msg) {
	var dropped []*nats.Msg
	b.mu.Lock()
	if !b.add(msg) {
		dropped = append(dropped, msg)
	}
	for range len(b.In) { // nobody else takes from it
		if msg := <-b.In; !b.add(msg) {
			dropped = append(dropped, msg)
		}
	}
	urgent := b.marked
	b.marked = false
	b.mu.Unlock()
	b.signal()
	if urgent {
		tell(b.Urgent)
	}
	for _, msg := range dropped {
		b.options.Overflow(msg)
	}
}

// add is false for a message for which there is no room. The lock is held.
func (b *Inbox) add(msg *nats.Msg) bool {
	if msg.Sub == nil { // NATS's own have one
		reached := b.marks[msg]
		delete(b.marks, msg)
		b.marked = true
		b.queue = append(b.queue, Item{Call: func() { close(reached) }})
		return true
	}
	size := sizeOf(msg)
	if len(b.queue) >= b.options.MaxMessages || len(b.queue) > 0 && b.bytes+size > b.options.MaxBytes {
		b.dropped++
		return false
	}
	b.queue = append(b.queue, Item{Msg: msg})
	b.bytes += size
	return true
}

func sizeOf(msg *nats.Msg) int { return len(msg.Data) + len(msg.Subject) + inboxOverhead }

// Call has a function called when what is queued now has been taken.
func (b *Inbox) Call(f func()) {
	b.mu.Lock()
	b.queue = append(b.queue, Item{Call: f})
	b.mu.Unlock()
	b.signal()
}

func (b *Inbox) signal() { tell(b.Wake) }

// tell tells a channel with room for one, unless it has been told and nobody has come since.
func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Take returns the oldest items, and has wake told again if more wait.
func (b *Inbox) Take() []Item {
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
		if item.Msg != nil {
			b.bytes -= sizeOf(item.Msg)
		}
	}
	return items
}

// Settle returns when all that subscriptions had delivered before has been taken and dealt with, or
// stop is closed.
func (b *Inbox) Settle(stop <-chan struct{}) {
	select {
	case <-b.mark(stop):
	case <-stop:
	}
}

// Each calls a function with all messages that subscriptions had delivered before. It is for the
// goroutine that takes.
func (b *Inbox) Each(stop <-chan struct{}, f func(*nats.Msg)) {
	for reached := b.mark(stop); ; {
		for _, item := range b.Take() {
			if item.Call != nil {
				item.Call()
				continue
			}
			f(item.Msg)
		}
		select {
		case <-reached:
			return
		case <-b.Wake:
		case <-stop:
			return
		}
	}
}

// mark puts a mark behind what subscriptions have delivered. What it returns is closed when that
// has been taken.
func (b *Inbox) mark(stop <-chan struct{}) <-chan struct{} {
	mark, reached := &nats.Msg{}, make(chan struct{})
	b.mu.Lock()
	b.marks[mark] = reached
	b.mu.Unlock()
	select {
	case b.In <- mark:
	case <-stop:
	}
	return reached
}

// Drops is how many messages were dropped.
func (b *Inbox) Drops() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Waiting is how many messages wait, and about how many bytes.
func (b *Inbox) Waiting() (messages, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue), b.bytes
}
