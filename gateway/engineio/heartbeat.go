// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/timingwheel"
)

// errStuck: a client answers pings, or seems to, but has not read for a whole interval.
var errStuck = errors.New("client does not read")

// heartbeat decides when a client is pinged and when it is given up (Engine.IO protocol v4, "Heartbeat"; in v3 the
// client pings). All times are
// counted from the one before, not from when a timer happened to run, so that lateness does not add up.
// The session's lock guards it.
type heartbeat struct {
	interval, timeout time.Duration
	wheel             *timingwheel.Wheel[*Session]
	alarm             timingwheel.Alarm[*Session]

	// due is when the next ping is sent or, after that, when its answer must be there.
	due time.Time
	// awaiting: a ping was sent and not answered.
	awaiting bool
	// extended: a packet other than the answer has put the deadline off once already.
	extended bool
}

// start begins the first interval. Upon each end of one, beat is called by the server's wheel.
func (h *heartbeat) start(s *Session, now time.Time) {
	h.interval, h.timeout = s.config.PingInterval, s.config.PingTimeout
	h.due = now.Add(h.interval)
	if s.protocol == protocol3 {
		h.pingedByClient(now)
	}
	h.wheel, h.alarm.Owner = s.server.wheel, s
	h.await(time.Until(h.due))
}

func (h *heartbeat) stop() { h.wheel.Remove(&h.alarm) }

// await has beat called after a time.
func (h *heartbeat) await(d time.Duration) { h.wheel.Set(&h.alarm, d) }

// wait makes the wheel call once more, for a session that is closing.
func (h *heartbeat) wait(d time.Duration) {
	h.due = time.Now().Add(d)
	h.await(d)
}

// pinged is told that the ping which was due is sent.
func (h *heartbeat) pinged(now time.Time) {
	h.awaiting, h.extended = true, false
	// A process that was suspended sends its pings late: the client may not pay for that.
	if now.Sub(h.due) > h.timeout/2 {
		h.due = now
	}
	h.due = h.due.Add(h.timeout)
	h.await(h.due.Sub(now))
}

// pingedByClient puts off the end of a client of revision 3, where only its pings count. The next beat finds that out.
func (h *heartbeat) pingedByClient(now time.Time) {
	h.awaiting, h.extended = true, true
	h.due = now.Add(h.interval + h.timeout)
}

// pong takes the answer. One that nobody waits for counts for nothing.
func (h *heartbeat) pong(now time.Time) {
	if !h.awaiting {
		return
	}
	h.awaiting = false
	h.due = now.Add(h.interval)
	h.await(h.interval)
}

// extend puts the deadline of an answer off, once: a client that is busy sending something long is alive.
func (h *heartbeat) extend() {
	if !h.awaiting || h.extended {
		return
	}
	h.extended = true
	h.due = time.Now().Add(h.timeout)
}

// missed reports whether an answer is overdue, also if it has not been called yet.
func (h *heartbeat) missed(now time.Time) bool {
	if h.awaiting {
		return !now.Before(h.due)
	}
	return !now.Before(h.due.Add(h.timeout))
}

func (s *Session) startHeartbeat(now time.Time) {
	s.mu.Lock() // for beat, which could come at once
	defer s.mu.Unlock()
	s.heartbeat.start(s, now)
}

// beat is called when a session's time has come.
func (s *Session) beat() {
	defer s.stopPanic(placeHeartbeat)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed {
		return
	}
	now := time.Now()
	h := &s.heartbeat
	switch {
	case now.Before(h.due) && s.protocol == protocol3 && s.state == stateOpen && s.transport.stuck():
		s.endStuck()
	case now.Before(h.due): // put off meanwhile
		h.await(h.due.Sub(now))
	case s.state == stateClosing:
		s.transport.forceClose()
	case h.awaiting:
		s.closeLocked(ReasonPingTimeout, nil, closeNow)
	case s.transport.stuck():
		s.endStuck()
	default:
		h.pinged(now)
		s.queue.pushFirst(pingPacket)
		s.flush()
	}
}

// endStuck ends a session whose client has read nothing for a whole interval. While a backlog waits, that
// makes it a slow consumer, though nothing else may be sent to it. The lock is held.
func (s *Session) endStuck() {
	reason := ReasonTransportClose
	if s.queue.backlogged() {
		reason = ReasonSlowConsumer
	}
	s.closeLocked(reason, errStuck, closeBroken)
}

// answerPing answers a client of revision 3.
func (s *Session) answerPing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != stateOpen:
	case s.queue.full(s.config):
		s.closeLocked(ReasonSlowConsumer, nil, closeBroken)
	default:
		s.heartbeat.pingedByClient(time.Now())
		s.queue.pushFirst(pongPacket)
		s.flush()
	}
}

// expire ends the session if its client is overdue, so that a request does not find what a late timer left standing.
// It reports whether the session is not open for the client any more.
func (s *Session) expire(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen && s.heartbeat.missed(now) {
		s.closeLocked(ReasonPingTimeout, nil, closeNow)
	}
	return s.state == stateClosed
}
