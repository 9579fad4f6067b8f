// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/heartbeat"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// errStuck: a client answers pings, or seems to, but has not read anything for a whole interval.
var errStuck = errors.New("client does not read")

// startHeartbeat begins the first interval. The server's wheel calls beat at the end of each
// interval.
func (s *Session) startHeartbeat(now time.Time) {
	s.mu.Lock() // beat may be called at once
	defer s.mu.Unlock()
	begin := heartbeat.New
	if s.protocol == packet.Protocol3 {
		begin = heartbeat.NewPingedByClient
	}
	s.heartbeat = begin(s.config.PingInterval, s.config.PingTimeout, now)
	s.alarm.Owner = s
	s.awaitBeat(time.Now())
}

// awaitBeat schedules beat for when the heartbeat is due. The lock is held.
func (s *Session) awaitBeat(now time.Time) { s.server.wheel.Set(&s.alarm, s.heartbeat.Due().Sub(now)) }

// stopHeartbeat cancels beat. The lock is held.
func (s *Session) stopHeartbeat() { s.server.wheel.Remove(&s.alarm) }

// lastBeat schedules one more beat after a time, for a session that is closing. The lock is held.
func (s *Session) lastBeat(wait time.Duration) {
	now := time.Now()
	s.heartbeat.Last(now.Add(wait))
	s.awaitBeat(now)
}

// beat is called when an alarm of the session expires. The alarm may have been put off, or the
// session closed, in the meantime.
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
	case now.Before(h.Due()) && s.protocol == packet.Protocol3 && s.state == stateOpen && s.transport.stuck():
		s.endStuck()
	case now.Before(h.Due()): // put off in the meantime
		s.awaitBeat(now)
	case s.state == stateClosing:
		s.transport.forceClose()
	case h.Awaiting():
		s.closeLocked(ReasonPingTimeout, nil, closeNow)
	case s.transport.stuck():
		s.endStuck()
	default:
		h.Pinged(now)
		s.awaitBeat(now)
		s.queue.PushFirst(pingPacket)
		s.flush()
	}
}

// endStuck ends a session whose client has read nothing for a whole interval. While a backlog
// waits, the client is a slow consumer, even if nothing else is sent to it. The lock is held.
func (s *Session) endStuck() {
	reason := ReasonTransportClose
	if s.queue.Backlogged() {
		reason = ReasonSlowConsumer
	}
	s.closeLocked(reason, errStuck, closeBroken)
}

// answerPing answers the ping of a client of revision 3.
func (s *Session) answerPing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != stateOpen:
	case s.queue.Full(s.config.MaxQueueMessages, s.config.MaxQueueBytes):
		s.closeLocked(ReasonSlowConsumer, nil, closeBroken)
	default:
		s.heartbeat.PingedByClient(time.Now())
		s.queue.PushFirst(pongPacket)
		s.soon()
	}
}

// PutOff gives the client another Config.PingTimeout for its answer to a ping. It is for a Handler
// whose OnMessage does not return because it is at capacity: the answer may be among the data that
// is not read in the meantime. If the Handler calls it whenever some work is done, the client waits
// but is not disconnected.
func (s *Session) PutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen {
		s.heartbeat.PutOff(time.Now())
	}
}

// expire ends the session if its client is overdue, so that a request does not find a session whose
// timer is late. It reports whether the session is closed.
func (s *Session) expire(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen && s.heartbeat.Missed(now) {
		s.closeLocked(ReasonPingTimeout, nil, closeNow)
	}
	return s.state == stateClosed
}
