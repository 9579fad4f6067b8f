// SPDX-License-Identifier: Apache-2.0

package timingwheel

import (
	"math/bits"
	"sync"
	"time"
)

// Wheel calls fire for the owners of alarms at their times. How late it may be goes by how far the
// time is away: less than one part in 128 of that. Nobody is called too early. Its methods may be
// called from any goroutine, and from fire.
type Wheel[T any] struct {
	fire  func(owner T)
	mu    sync.Mutex
	slots map[slotKey]*slot[T] // guarded by mu
}

// slotKey is a time since 1970 in units of 2^shift ns.
type slotKey struct {
	shift uint8
	at    int64
}

// slot is the alarms of a time, with their timer. The wheel's lock guards it.
type slot[T any] struct {
	key   slotKey
	timer *time.Timer
	first *Alarm[T]
}

// Alarm is an owner's place on a wheel, if it has one. It is a part of the owner, so that to set it
// allocates nothing.
type Alarm[T any] struct {
	// Owner is whom the wheel calls. It is set once, before the alarm is.
	Owner      T
	slot       *slot[T] // guarded by the wheel's lock, as are the others
	next, prev *Alarm[T]
}

// New makes a wheel.
func New[T any](fire func(owner T)) *Wheel[T] {
	return &Wheel[T]{fire: fire, slots: make(map[slotKey]*slot[T])}
}

// Set has the owner called after a time, and not at the one that was set before.
func (w *Wheel[T]) Set(a *Alarm[T], wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(a)
	now := time.Now()
	key := keyOf(now, wait)
	s := w.slots[key]
	if s == nil {
		s = &slot[T]{key: key}
		s.timer = time.AfterFunc(time.Duration(key.at<<key.shift-now.UnixNano()), func() { w.ring(s) })
		w.slots[key] = s
	}
	a.slot, a.next = s, s.first
	if s.first != nil {
		s.first.prev = a
	}
	s.first = a
}

// keyOf is the end of the slot in which a time lies.
func keyOf(now time.Time, wait time.Duration) slotKey {
	shift := uint8(max(0, bits.Len64(uint64(max(wait, time.Millisecond)))-8))
	return slotKey{shift, (now.Add(max(wait, 0)).UnixNano()-1)>>shift + 1}
}

// Remove takes an alarm off the wheel, if it is there.
func (w *Wheel[T]) Remove(a *Alarm[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(a)
}

func (w *Wheel[T]) removeLocked(a *Alarm[T]) {
	s := a.slot
	if s == nil {
		return
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		s.first = a.next
	}
	a.slot, a.next, a.prev = nil, nil, nil
	if s.first == nil && s.timer.Stop() { // else ring is there, or will be
		delete(w.slots, s.key)
	}
}

// ring calls the owners of a slot.
func (w *Wheel[T]) ring(s *slot[T]) {
	w.mu.Lock()
	delete(w.slots, s.key) // who is set from now on gets another one
	w.mu.Unlock()
	for {
		w.mu.Lock()
		a := s.first
		if a != nil {
			w.removeLocked(a)
		}
		w.mu.Unlock()
		if a == nil {
			return
		}
		w.fire(a.Owner)
	}
}
