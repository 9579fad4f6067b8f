// SPDX-License-Identifier: Apache-2.0

// Package turn runs functions one at a time and in order without a goroutine of its own.
package turn

import "sync"

// Turn is had by one at a time: whoever finds it free runs what is there, and whoever finds it taken, even
// from within a function that it runs, leaves its function behind for that one. So callbacks never
// overlap, and a callback may bring about another one.
//
//	if t.Begin() {
//		f()
//		for next, _ := t.Next(); next != nil; next, _ = t.Next() {
//			next()
//		}
//	}
//
// The zero value is free. Safe for concurrent use.
type Turn struct {
	mu sync.Mutex
	// later is what comes later: nothing if it is somebody's turn, and nothing does; nil if it is nobody's. Guarded by mu.
	later *later
}

// later are the functions that are to come.
type later struct {
	queue []entry
	// suspended is how many functions go on later, resumed what those that may go on do next. parked: nobody
	// has the turn until one of them goes on.
	suspended int
	resumed   []func()
	parked    bool
}

// nothing comes later. It is never changed.
var nothing = &later{}

// entry is a function in the queue, and its size.
type entry struct {
	call func()
	size int
}

// Begin is true for who finds it free: the turn is his, until Next returns nil.
func (t *Turn) Begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later != nil {
		return false
	}
	t.later = nothing
	return true
}

// Free tells whether nobody has the turn now.
func (t *Turn) Free() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.later == nil
}

// expect has a place for what comes later. The lock is held.
func (t *Turn) expect() *later {
	if t.later == nothing {
		t.later = &later{}
	}
	return t.later
}

// Leave leaves a function to whoever has the turn. If nobody does any more, it is false, and the turn is the
// caller's. The size is of no meaning here: Next returns it.
func (t *Turn) Leave(f func(), size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later == nil {
		t.later = nothing
		return false
	}
	l := t.expect()
	l.queue = append(l.queue, entry{f, size})
	return true
}

// Next is what comes next, and its size, for who has the turn; nil if nothing does now: then he has it no
// more.
func (t *Turn) Next() (f func(), size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.later
	switch {
	case l == nothing:
		t.later = nil
		return nil, 0
	case len(l.resumed) > 0:
		f := l.resumed[0]
		l.resumed = l.resumed[1:]
		l.suspended--
		return f, 0
	case l.suspended > 0:
		l.parked = true
		return nil, 0
	case len(l.queue) == 0:
		t.later = nil
		return nil, 0
	}
	e := l.queue[0]
	l.queue[0] = entry{}
	l.queue = l.queue[1:]
	return e.call, e.size
}

// Suspend is for a function that returns before it is done: what is in the queue waits until Resume.
func (t *Turn) Suspend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expect().suspended++
}

// Resume goes on with what was suspended. It is true if the turn is the caller's, who then calls the
// function. Otherwise the function that was suspended has not returned yet, and who runs it goes on.
func (t *Turn) Resume(then func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.later
	if !l.parked {
		l.resumed = append(l.resumed, then)
		return false
	}
	l.parked = false
	l.suspended--
	return true
}
