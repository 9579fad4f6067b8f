// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"cmp"
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// inboxMessages and inboxBytes bound the messages that wait until they are queued for local
	// members, which takes microseconds each. Beyond them messages are dropped and counted. A NATS
	// server keeps the same number of bytes for a slow client.
	inboxMessages = 65536
	inboxBytes    = 64 << 20
	// inboxOverhead is the approximate size of a message besides its subject and data.
	inboxOverhead = 256
	// inboxBatch is how many messages are handled before timers and others have their turn.
	inboxBatch = 1024
)

// Inbox is the queue to which all subscriptions of a lane deliver, in the order in which NATS has
// sent. The client library bounds a channel by messages only, and has a goroutine for each
// subscription that is bounded by bytes; so one goroutine moves messages from the channel to a
// queue that is bounded by both. Safe for concurrent use.
type Inbox struct {
	options InboxOptions
	// In is for subscriptions. It is emptied at once.
	In chan *nats.Msg
	// Wake receives when items wait, Urgent when a caller waits for them to be taken.
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

// InboxOptions bound an Inbox. Overflow is called for each dropped message.
type InboxOptions struct {
	Overflow func(*nats.Msg)
	// MaxMessages and MaxBytes are how much may wait: 65,536 messages and 64 MiB if they are zero.
	MaxMessages, MaxBytes int
}

// NewInbox returns an empty Inbox. It receives nothing before Run is called.
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

// accept queues a message, and those that wait in the channel.
func (b *Inbox) accept(msg *nats.Msg) {
	var dropped []*nats.Msg
	b.mu.Lock()
	if !b.add(msg) {
		dropped = append(dropped, msg)
	}
	for range len(b.In) { // the only reader
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

// add returns false if there is no room for the message. The lock is held.
func (b *Inbox) add(msg *nats.Msg) bool {
	if msg.Sub == nil { // messages of NATS have one
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

// Call queues a function, which is called after the items that are queued now.
func (b *Inbox) Call(f func()) {
	b.mu.Lock()
	b.queue = append(b.queue, Item{Call: f})
	b.mu.Unlock()
	b.signal()
}

func (b *Inbox) signal() { tell(b.Wake) }

// tell sends to a channel with a capacity of one, unless it is full.
func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Take returns the oldest items, and tells wake again if more wait.
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

// Settle returns when everything that subscriptions had delivered before has been handled, or stop
// is closed.
func (b *Inbox) Settle(stop <-chan struct{}) {
	select {
	case <-b.mark(stop):
	case <-stop:
	}
}

// Each calls a function with all messages that subscriptions had delivered before. It is for the
// goroutine that calls Take.
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

// mark adds a mark after what subscriptions have delivered. The returned channel is closed when the
// mark has been taken.
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

// Drops returns the number of dropped messages.
func (b *Inbox) Drops() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Waiting returns the number of waiting messages, and their approximate size in bytes.
func (b *Inbox) Waiting() (messages, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue), b.bytes
}
