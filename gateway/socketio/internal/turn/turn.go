// SPDX-License-Identifier: Apache-2.0

// Package turn runs functions one at a time and in order without a goroutine of its own.
package turn

import (
	"slices"
	"sync"
)

// Turn belongs to one goroutine at a time: the one that finds it free runs the functions, and any
// other, even from within a function that runs, leaves its function in the queue. So functions
// never overlap, and a function may add another one.
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
	// later is the queue: nothing if somebody has the turn and the queue is empty; nil if nobody
	// has the turn. Guarded by mu.
	later *later
}

// later has the functions that are to run.
type later struct {
	queue []entry
	// suspended is the number of suspended functions, and resumed are the continuations of those
	// that have been resumed. parked means that nobody has the turn until one of them is resumed.
	suspended int
	resumed   []func()
	parked    bool
}

// nothing is the empty queue. It is never changed.
var nothing = &later{}

// entry is a function in the queue, and its size.
type entry struct {
	call func()
	size int
}

// Begin takes the turn if it is free, and reports whether it was. The caller keeps it until Next
// returns nil.
func (t *Turn) Begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later != nil {
		return false
	}
	t.later = nothing
	return true
}

// Free reports whether nobody has the turn.
func (t *Turn) Free() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.later == nil
}

// expect returns the queue, and allocates it if necessary. The lock is held.
func (t *Turn) expect() *later {
	if t.later == nothing {
		t.later = &later{}
	}
	return t.later
}

// Leave leaves a function to the goroutine that has the turn. It returns false if nobody has it any
// more; then the turn is the caller's. The size has no meaning here: Next returns it.
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

// LeaveFirst is Leave for a function of size 0 that runs before all others that are left.
func (t *Turn) LeaveFirst(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later == nil {
		t.later = nothing
		return false
	}
	l := t.expect()
	l.queue = slices.Insert(l.queue, 0, entry{f, 0})
	return true
}

// Next returns the next function and its size, for the goroutine that has the turn; nil if there is
// none now, which frees the turn.
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

// Suspend is called by a function that returns before it is done: the queue waits until Resume.
func (t *Turn) Suspend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expect().suspended++
}

// Resume continues what was suspended. It returns true if the turn is the caller's, who then calls
// the function. Otherwise the suspended function has not returned yet, and the goroutine that runs
// it calls it.
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
