// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
)

// CloseReason is the reason for the end of a session. The texts are those of the reference
// implementation, since applications receive them as the argument of `disconnect`.
type CloseReason string

const (
	// ReasonTransportClose: the client closed the connection, or it was lost.
	ReasonTransportClose CloseReason = "transport close"
	// ReasonTransportError: the client violated its transport, for example by two polls at once.
	ReasonTransportError CloseReason = "transport error"
	// ReasonPingTimeout: the client did not answer a ping within the ping timeout.
	ReasonPingTimeout CloseReason = "ping timeout"
	// ReasonParseError: the client sent an invalid packet.
	ReasonParseError CloseReason = "parse error"
	// ReasonForcedClose: the application closed the session.
	ReasonForcedClose CloseReason = "forced close"
	// ReasonServerShuttingDown: the server closes or drains.
	ReasonServerShuttingDown CloseReason = "server shutting down"
	// ReasonSlowConsumer: more data waited for the client than a session may keep.
	ReasonSlowConsumer CloseReason = "slow consumer"
)

// closeMode is the way in which a transport ends.
type closeMode struct {
	// dropQueue drops the queued messages.
	dropQueue bool
	// lastPacket is the last packet to a polling client; nil, to any client, if the transport is
	// broken.
	lastPacket *Message
	// finalRefusal refuses the last poll of a polling client, in place of a last packet.
	finalRefusal *refusals.Answer
	// wait is how long the client may take to fetch the remaining messages.
	wait time.Duration
	// cause is what is counted; by default the reason.
	cause ending.Cause
}

const (
	// gracefulWait limits how long a closed session waits for its client to fetch earlier messages.
	gracefulWait = 30 * time.Second
	// closeWait limits the WebSocket closing handshake if no messages are left to send.
	closeWait = time.Second
	// closedPollWait is how much later than the POST that closes the session a poll may arrive, if
	// the client sent both at once.
	closedPollWait = 100 * time.Millisecond
)

var (
	closeNow        = closeMode{dropQueue: true, lastPacket: closePacket}
	closeGraceful   = closeMode{lastPacket: closePacket, wait: gracefulWait}
	closeUnadmitted = closeMode{lastPacket: closePacket, wait: closeWait, cause: ending.Unadmitted}
	closeByClient   = closeMode{dropQueue: true, lastPacket: noopPacket, wait: closedPollWait}
	closeBroken     = closeMode{dropQueue: true}
	// closeDrained differs from closeGraceful for polling clients: some (python-engineio 4) take
	// the close packet for the end and do not reconnect; after a failed poll all do.
	closeDrained = closeMode{lastPacket: closePacket, finalRefusal: refusals.Draining, wait: gracefulWait}
	// closeInterrupted does the same where the client may come back to this server.
	closeInterrupted = closeMode{lastPacket: closePacket, finalRefusal: refusals.UnknownSession, wait: gracefulWait}
)

// Close ends the session: the client receives what was sent before, and then sees its transport
// closed, after which stock clients reconnect. OnClose is called with the reason, soon and in
// another goroutine. Closing again has no effect.
func (s *Session) Close(reason CloseReason) { s.close(reason, nil, closeGraceful) }

// CloseUnadmitted is Close for a client that was not let in: it has a second to fetch what was
// sent, rather than 30.
func (s *Session) CloseUnadmitted(reason CloseReason) { s.close(reason, nil, closeUnadmitted) }

// Interrupt is Close for a client that is expected to reconnect: one that polls gets an error in
// place of the close packet, which python-engineio takes for a wish that it stay away. The cause is
// what is counted.
func (s *Session) Interrupt(reason CloseReason, cause ending.Cause) {
	mode := closeInterrupted
	mode.cause = cause
	s.close(reason, nil, mode)
}

func (s *Session) close(reason CloseReason, err error, mode closeMode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked(reason, err, mode)
}

// closeLocked is close for callers that hold the lock. Only the first reason counts, but a mode
// without a wait overrides one with a wait.
func (s *Session) closeLocked(reason CloseReason, err error, mode closeMode) {
	switch {
	case s.state == stateClosed:
		return
	case s.state == stateClosing:
		if mode.wait == 0 {
			s.transport.forceClose()
		}
		return
	}
	s.state = stateClosing
	s.server.endings.End(mode.cause, string(reason))
	s.context.End()
	s.tasks++
	go s.deliverClose(reason, err)

	s.stopHeartbeat()
	if mode.wait > 0 {
		s.lastBeat(mode.wait)
	}
	if mode.dropQueue {
		s.queue.Drop()
		s.upgrade.abort()
	}
	s.transport.shutdown(mode)
}

// forget removes the session from the server. The lock is held.
func (s *Session) forget() {
	if s.state == stateClosed {
		return
	}
	s.state = stateClosed
	s.stopHeartbeat()
	s.queue.Drop()
	s.upgrade.abort()
	s.server.remove(s)
	s.signalEnd()
}

// taskDone is called at the end of a goroutine that was counted in tasks. The lock is held.
func (s *Session) taskDone() {
	s.tasks--
	s.signalEnd()
}

func (s *Session) signalEnd() {
	if s.ended != nil && s.state == stateClosed && s.tasks == 0 {
		close(s.ended)
	}
}

// done returns a channel that is closed once the session is closed and its goroutines have ended.
func (s *Session) done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = make(chan struct{})
		s.signalEnd()
	}
	return s.ended
}
