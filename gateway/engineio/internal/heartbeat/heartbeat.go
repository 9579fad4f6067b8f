// SPDX-License-Identifier: Apache-2.0

package heartbeat

import "time"

// Heartbeat is the heartbeat of one session. It is not safe for concurrent use.
type Heartbeat struct {
	interval, timeout time.Duration
	// due is the time of the next ping or, after the ping, the deadline of its answer.
	due time.Time
	// awaiting: a ping was sent and not answered.
	awaiting bool
	// extended: a packet other than the answer has already extended the deadline once.
	extended bool
}

// New begins the first interval of a client that the server pings.
func New(interval, timeout time.Duration, now time.Time) Heartbeat {
	return Heartbeat{interval: interval, timeout: timeout, due: now.Add(interval)}
}

// NewPingedByClient begins the first interval of a client of revision 3, which sends the pings.
func NewPingedByClient(interval, timeout time.Duration, now time.Time) Heartbeat {
	h := New(interval, timeout, now)
	h.PingedByClient(now)
	return h
}

// Due returns the time of the next ping or, while Awaiting, the time at which the client is
// disconnected.
func (h *Heartbeat) Due() time.Time { return h.due }

// Awaiting reports whether the client has to answer a ping or, in revision 3, to send one.
func (h *Heartbeat) Awaiting() bool { return h.awaiting }

// Pinged records that the due ping was sent.
func (h *Heartbeat) Pinged(now time.Time) {
	h.awaiting, h.extended = true, false
	// A process that was suspended sends its pings late, for which the client is not responsible.
	if now.Sub(h.due) > h.timeout/2 {
		h.due = now
	}
	h.due = h.due.Add(h.timeout)
}

// PingedByClient records a ping of a client of revision 3, and extends its deadline.
func (h *Heartbeat) PingedByClient(now time.Time) {
	h.awaiting, h.extended = true, true
	h.due = now.Add(h.interval + h.timeout)
}

// Pong records an answer. It returns false if no answer is due.
func (h *Heartbeat) Pong(now time.Time) (counts bool) {
	if !h.awaiting {
		return false
	}
	h.awaiting = false
	h.due = now.Add(h.interval)
	return true
}

// Extend extends the deadline of an answer, once: a client that is busy sending something long is
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

// PutOff extends the deadline of an answer that the client may have sent, but that the server has
// not read.
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

// Last sets the due time, for a session that is closing.
func (h *Heartbeat) Last(due time.Time) { h.due = due }

// Missed reports whether an answer is overdue, even if the ping itself is late and was not sent.
func (h *Heartbeat) Missed(now time.Time) bool {
	if h.awaiting {
		return !now.Before(h.due)
	}
	return !now.Before(h.due.Add(h.timeout))
}
