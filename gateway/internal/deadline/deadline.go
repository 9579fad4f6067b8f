// SPDX-License-Identifier: Apache-2.0

// Package deadline calls a function at many different times with one timer. It is for times that
// are far away and rarely reached, such as when tokens expire: an alarm takes 32 bytes, and no
// goroutine or timer of its own.
package deadline

import (
	"container/heap"
	"sync"
	"time"
)

// Queue has alarms in the order of their times: a heap, of which the timer is set to the first.
// Safe for concurrent use. Close ends it.
type Queue[T any] struct {
	due    func(owner T)
	mu     sync.Mutex
	alarms alarms[T]   // guarded by mu
	timer  *time.Timer // guarded by mu; nil before the first alarm
	closed bool        // guarded by mu
}

// Alarm is a part of its owner, and may be set to one time at a time. The zero value is not set.
type Alarm[T any] struct {
	owner T
	at    int64 // nanoseconds since 1970
	place int   // in the heap, counted from 1; 0: not in it
}

// New makes a queue. due is called in a goroutine of the timer for the owner of each alarm whose
// time has come, after the alarm was removed; it must not block. It may set the alarm again, and
// may be called a moment after the alarm was removed or set to another time.
func New[T any](due func(owner T)) *Queue[T] { return &Queue[T]{due: due} }

// Set sets an alarm of an owner, instead of any earlier setting.
func (q *Queue[T]) Set(a *Alarm[T], owner T, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	a.owner, a.at = owner, at.UnixNano()
	if a.place == 0 {
		heap.Push(&q.alarms, a)
	} else {
		heap.Fix(&q.alarms, a.place-1)
	}
	if q.alarms[0] == a {
		q.rewind()
	}
}

// Remove removes an alarm, if it is set.
func (q *Queue[T]) Remove(a *Alarm[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.place > 0 {
		heap.Remove(&q.alarms, a.place-1)
	}
	if len(q.alarms) == 0 && q.timer != nil {
		q.timer.Stop()
	}
}

// Len is the number of alarms that are set.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.alarms)
}

// Close removes all alarms, and ignores those that are set from now on.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.alarms {
		a.place = 0
	}
	q.alarms, q.closed = nil, true
	if q.timer != nil {
		q.timer.Stop()
	}
}

// rewind sets the timer to the first alarm; mu is held.
func (q *Queue[T]) rewind() {
	wait := time.Until(time.Unix(0, q.alarms[0].at))
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, q.ring)
		return
	}
	q.timer.Reset(wait)
}

// ring calls due for the alarms whose time has come. A timer that rings for an alarm which was
// removed meanwhile finds none.
func (q *Queue[T]) ring() {
	for {
		owner, ok := q.next()
		if !ok {
			return
		}
		q.due(owner)
	}
}

func (q *Queue[T]) next() (owner T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.alarms) == 0 {
		return owner, false
	}
	if q.alarms[0].at > time.Now().UnixNano() {
		q.rewind()
		return owner, false
	}
	a, _ := heap.Pop(&q.alarms).(*Alarm[T])
	return a.owner, true
}

// alarms is a [heap.Interface].
type alarms[T any] []*Alarm[T]

func (h alarms[T]) Len() int           { return len(h) }
func (h alarms[T]) Less(i, j int) bool { return h[i].at < h[j].at }

func (h alarms[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *alarms[T]) Push(x any) {
	a, _ := x.(*Alarm[T])
	*h = append(*h, a)
	a.place = len(*h)
}

func (h *alarms[T]) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.place = 0
	return a
}
