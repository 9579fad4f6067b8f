// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/heartbeat"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// errStuck: a client answers pings, or seems to, but has not read for a whole interval.
var errStuck = errors.New("client does not read")

// startHeartbeat begins the first interval. Upon each end of one, beat is called by the server's wheel.
func (s *Session) startHeartbeat(now time.Time) {
	s.mu.Lock() // for beat, which could come at once
	defer s.mu.Unlock()
	begin := heartbeat.New
	if s.protocol == packet.Protocol3 {
		begin = heartbeat.NewPingedByClient
	}
	s.heartbeat = begin(s.config.PingInterval, s.config.PingTimeout, now)
	s.alarm.Owner = s
	s.awaitBeat(time.Now())
}

// awaitBeat has beat called when the heartbeat is due. The lock is held.
func (s *Session) awaitBeat(now time.Time) { s.server.wheel.Set(&s.alarm, s.heartbeat.Due().Sub(now)) }

// stopHeartbeat is the end of beats. The lock is held.
func (s *Session) stopHeartbeat() { s.server.wheel.Remove(&s.alarm) }

// lastBeat has beat called once more, after a time, for a session that is closing. The lock is held.
func (s *Session) lastBeat(wait time.Duration) {
	now := time.Now()
	s.heartbeat.Last(now.Add(wait))
	s.awaitBeat(now)
}

// beat is called when a session's time has come, or had: what has put it off, or closed the session, may have come between.
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
	case now.Before(h.Due()): // put off meanwhile
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

// endStuck ends a session whose client has read nothing for a whole interval. While a backlog waits, that
// makes it a slow consumer, though nothing else may be sent to it. The lock is held.
func (s *Session) endStuck() {
	reason := ReasonTransportClose
	if s.queue.Backlogged() {
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
	case s.queue.Full(s.config.MaxQueueMessages, s.config.MaxQueueBytes):
		s.closeLocked(ReasonSlowConsumer, nil, closeBroken)
	default:
		s.heartbeat.PingedByClient(time.Now())
		s.queue.PushFirst(pongPacket)
		s.soon()
	}
}

// PutOff is for a Handler that keeps OnMessage from returning because it has as much in hand as it takes. Its client's answer to
// a ping may be behind what is not read meanwhile, so it has another Config.PingTimeout from now on. A Handler that calls it each
// time that something is done makes a client wait, and does not give it up.
func (s *Session) PutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen {
		s.heartbeat.PutOff(time.Now())
	}
}

// expire ends the session if its client is overdue, so that a request does not find what a late timer left standing.
// It reports whether the session is not open for the client any more.
func (s *Session) expire(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen && s.heartbeat.Missed(now) {
		s.closeLocked(ReasonPingTimeout, nil, closeNow)
	}
	return s.state == stateClosed
}
