// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"math/bits"
	"sync"
	"time"
)

// wheel has sessions beat at their times. Those whose time is about the same share one timer and one goroutine: so a heartbeat costs an idle
// session a few words, and ten thousand of them some hundred timers. How much "about" is goes by how far the time is away, less than one part
// in 128 of that, and nobody is called too early. There is no goroutine while none is due.
type wheel struct {
	mu    sync.Mutex
	slots map[slotKey]*slot // guarded by mu
}

// slotKey is a time since 1970 in units of 2^shift ns.
type slotKey struct {
	shift uint8
	at    int64
}

// slot are the alarms of a time. The wheel's lock guards it.
type slot struct {
	key   slotKey
	timer *time.Timer
	first *alarm
}

// alarm is a session's place on the wheel, if it has one. The wheel's lock guards it.
type alarm struct {
	session    *Session
	slot       *slot
	next, prev *alarm
}

func newWheel() *wheel { return &wheel{slots: make(map[slotKey]*slot)} }

// set has the session beat after a time, and not at the one that was set before.
func (w *wheel) set(a *alarm, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(a)
	now := time.Now()
	key := keyOf(now, wait)
	s := w.slots[key]
	if s == nil {
		s = &slot{key: key}
		s.timer = time.AfterFunc(time.Duration(key.at<<key.shift-now.UnixNano()), func() { w.fire(s) })
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

// remove takes an alarm off.
func (w *wheel) remove(a *alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(a)
}

func (w *wheel) removeLocked(a *alarm) {
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
	if s.first == nil && s.timer.Stop() { // else fire is there, or will be
		delete(w.slots, s.key)
	}
}

// fire has the sessions of a slot beat.
func (w *wheel) fire(s *slot) {
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
		a.session.beat()
	}
}
