// SPDX-License-Identifier: Apache-2.0

package timingwheel

import (
	"math/bits"
	"sync"
	"time"
)

// Wheel calls fire for the owners of alarms when these expire. An alarm is late by less than 1/128
// of its duration, and never early. The methods may be called from any goroutine, and from fire.
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

// slot has the alarms of a time, with their timer. The wheel's lock guards it.
type slot[T any] struct {
	key   slotKey
	timer *time.Timer
	first *Alarm[T]
}

// Alarm is an owner's alarm. It is a part of the owner, so setting it allocates nothing.
type Alarm[T any] struct {
	// Owner is passed to fire. It is set once, before the alarm is.
	Owner      T
	slot       *slot[T] // guarded by the wheel's lock, as are the others
	next, prev *Alarm[T]
}

// New makes a wheel.
func New[T any](fire func(owner T)) *Wheel[T] {
	return &Wheel[T]{fire: fire, slots: make(map[slotKey]*slot[T])}
}

// Set sets an alarm to expire after a time, instead of any earlier setting.
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

// keyOf returns the slot of a time. The key is the end of the slot.
func keyOf(now time.Time, wait time.Duration) slotKey {
	shift := uint8(max(0, bits.Len64(uint64(max(wait, time.Millisecond)))-8))
	return slotKey{shift, (now.Add(max(wait, 0)).UnixNano()-1)>>shift + 1}
}

// Remove cancels an alarm, if it is set.
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
	if s.first == nil && s.timer.Stop() { // otherwise ring is running, or about to
		delete(w.slots, s.key)
	}
}

// ring calls fire for the owners of a slot.
func (w *Wheel[T]) ring(s *slot[T]) {
	w.mu.Lock()
	delete(w.slots, s.key) // alarms that are set from now on get another slot
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
