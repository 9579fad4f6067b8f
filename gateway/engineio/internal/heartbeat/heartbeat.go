// SPDX-License-Identifier: Apache-2.0

package heartbeat

import "time"

// Heartbeat is that of one session. It is not safe for concurrent use.
type Heartbeat struct {
	interval, timeout time.Duration
	// due is when the next ping is sent or, after that, when its answer must be there.
	due time.Time
	// awaiting: a ping was sent and not answered.
	awaiting bool
	// extended: a packet other than the answer has put the deadline off once already.
	extended bool
}

// New begins the first interval of a client that is pinged.
func New(interval, timeout time.Duration, now time.Time) Heartbeat {
	return Heartbeat{interval: interval, timeout: timeout, due: now.Add(interval)}
}

// NewPingedByClient begins the first interval of a client of revision 3, which pings.
func NewPingedByClient(interval, timeout time.Duration, now time.Time) Heartbeat {
	h := New(interval, timeout, now)
	h.PingedByClient(now)
	return h
}

// Due is when the next ping is to be sent or, while Awaiting, when the client is given up.
func (h *Heartbeat) Due() time.Time { return h.due }

// Awaiting reports whether the client has to answer a ping or, in revision 3, to send one.
func (h *Heartbeat) Awaiting() bool { return h.awaiting }

// Pinged is told that the ping which was due is sent.
func (h *Heartbeat) Pinged(now time.Time) {
	h.awaiting, h.extended = true, false
	// A process that was suspended sends its pings late: the client may not pay for that.
	if now.Sub(h.due) > h.timeout/2 {
		h.due = now
	}
	h.due = h.due.Add(h.timeout)
}

// PingedByClient puts off the end of a client of revision 3, where only its pings count.
func (h *Heartbeat) PingedByClient(now time.Time) {
	h.awaiting, h.extended = true, true
	h.due = now.Add(h.interval + h.timeout)
}

// Pong takes the answer. One that nobody waits for does not count.
func (h *Heartbeat) Pong(now time.Time) (counts bool) {
	if !h.awaiting {
		return false
	}
	h.awaiting = false
	h.due = now.Add(h.interval)
	return true
}

// Extend puts the deadline of an answer off, once: a client that is busy sending something long is
// alive.
func (h *Heartbeat) Extend() {
	if h.awaiting && !h.extended {
		h.extend(time.Now())
	}
}

func (h *Heartbeat) extend(now time.Time) {
	h.extended = true
	h.due = now.Add(h.timeout)
}

// PutOff puts the deadline of an answer off that the client may have sent, and the server has not read.
func (h *Heartbeat) PutOff(now time.Time) {
	if h.awaiting {
		h.due = later(h.due, now.Add(h.timeout))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Last makes a time the one that is due, for a session that is closing.
func (h *Heartbeat) Last(due time.Time) { h.due = due }

// Missed reports whether an answer is overdue, also if it was not asked for because the ping itself
// is late.
func (h *Heartbeat) Missed(now time.Time) bool {
	if h.awaiting {
		return !now.Before(h.due)
	}
	return !now.Before(h.due.Add(h.timeout))
}
