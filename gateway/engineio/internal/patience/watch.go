// SPDX-License-Identifier: Apache-2.0

// Package patience finds slow calls of a handler, so that another goroutine can continue to read
// the client's messages. netpoll does the same for its workers by itself.
package patience

import (
	"sync"
	"time"
)

const (
	// patience is the time between two looks. A call that is running at the second look takes long.
	patience = 2 * time.Millisecond
	// retry is the number of looks after which a call is tried again that could not be handed on.
	retry = 25
)

// Call is a call that may take long. The Watch guards it between Begin and End.
type Call struct {
	// HandOn is called, perhaps several times, by another goroutine while the call takes long. It
	// must not wait. If it returns true, the call is no longer watched, GoOn follows, and there is
	// no End.
	HandOn func() bool
	// GoOn makes another goroutine do what the caller would have done after the call.
	GoOn func()

	// ring is the ring of the call; nil if the call is not watched. look is when the call is looked
	// at.
	ring       *ring
	prev, next *Call
	look       uint64
}

// ring has calls in the order in which they are looked at. Its root is not a call.
type ring struct{ root Call }

// Watch watches calls. It need not be closed: there is a timer only while something is watched. The
// zero value is ready for use. Safe for concurrent use.
type Watch struct {
	mu sync.Mutex // guards the following fields
	// young are calls that were not looked at yet, old those that could not be handed on.
	young, old ring
	// clock counts the looks.
	clock   uint64
	ticking bool
	timer   *time.Timer
}

// Begin starts watching a call.
func (w *Watch) Begin(c *Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.young.push(c, w.clock+2)
	w.tick()
}

// End stops watching a call that was not handed on.
func (w *Watch) End(c *Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.remove()
}

// HandOn hands a call on now, if possible.
func (w *Watch) HandOn(c *Call) {
	if !c.HandOn() {
		return
	}
	w.End(c)
	c.GoOn()
}

// look hands on calls that take long.
func (w *Watch) look() {
	w.mu.Lock()
	w.clock++
	long := append(w.young.due(w.clock), w.old.due(w.clock)...)
	for _, c := range long {
		c.remove()
		w.old.push(c, w.clock+retry)
	}
	w.mu.Unlock()
	for _, c := range long {
		w.HandOn(c)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticking = false
	if !w.young.empty() || !w.old.empty() {
		w.tick()
	}
}

// tick schedules look. The lock is held.
func (w *Watch) tick() {
	switch {
	case w.ticking:
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(patience, w.look)
	default:
		w.timer.Reset(patience)
	}
	w.ticking = true
}

func (r *ring) empty() bool { return r.root.next == nil || r.root.next == &r.root }

// push adds a call at the end.
func (r *ring) push(c *Call, look uint64) {
	if r.root.next == nil {
		r.root.prev, r.root.next = &r.root, &r.root
	}
	c.ring, c.look = r, look
	c.prev, c.next = r.root.prev, &r.root
	c.prev.next, c.next.prev = c, c
}

// due returns the calls whose time has come.
func (r *ring) due(clock uint64) (calls []*Call) {
	for c := r.root.next; c != nil && c != &r.root && c.look <= clock; c = c.next {
		calls = append(calls, c)
	}
	return calls
}

func (c *Call) remove() {
	if c.ring == nil {
		return
	}
	c.prev.next, c.next.prev = c.next, c.prev
	c.ring, c.prev, c.next = nil, nil, nil
}
