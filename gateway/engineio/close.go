// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
)

// CloseReason says why a session ended. The words are those of the reference implementation, since applications
// see them as the argument of `disconnect`.
type CloseReason string

const (
	// ReasonTransportClose: the client closed, or its connection ended.
	ReasonTransportClose CloseReason = "transport close"
	// ReasonTransportError: the client broke the rules of its transport, as by two polls at once.
	ReasonTransportError CloseReason = "transport error"
	// ReasonPingTimeout: no answer to a ping within the ping timeout.
	ReasonPingTimeout CloseReason = "ping timeout"
	// ReasonParseError: the client sent what is no packet.
	ReasonParseError CloseReason = "parse error"
	// ReasonForcedClose: the application closed the session.
	ReasonForcedClose CloseReason = "forced close"
	// ReasonServerShuttingDown: the server stops or drains.
	ReasonServerShuttingDown CloseReason = "server shutting down"
	// ReasonSlowConsumer: more waited for the client than a session may keep.
	ReasonSlowConsumer CloseReason = "slow consumer"
)

// closeMode is how a transport ends.
type closeMode struct {
	// dropQueue forgets what waits for the client.
	dropQueue bool
	// lastPacket is the last packet to a polling client; nil, to any client, if the transport is broken.
	lastPacket *Message
	// finalRefusal refuses the last poll of a polling client, in place of a last packet.
	finalRefusal *refusals.Answer
	// wait is how long a client may take to fetch what is left.
	wait time.Duration
}

const (
	// gracefulWait bounds how long a closed session waits for its client to fetch what was sent before.
	gracefulWait = 30 * time.Second
	// closeWait bounds the websocket closing handshake where nothing of value is left to send.
	closeWait = time.Second
	// closedPollWait is how long a poll may come later than the POST that closes the session, if both were sent at once.
	closedPollWait = 100 * time.Millisecond
)

var (
	closeNow      = closeMode{dropQueue: true, lastPacket: closePacket}
	closeGraceful = closeMode{lastPacket: closePacket, wait: gracefulWait}
	closeByClient = closeMode{dropQueue: true, lastPacket: noopPacket, wait: closedPollWait}
	closeBroken   = closeMode{dropQueue: true}
	// closeDrained differs from closeGraceful for polling clients: some take the close packet for the end, and stay away
	// (python-engineio 4); after a poll that fails all come back.
	closeDrained = closeMode{lastPacket: closePacket, finalRefusal: refusals.Draining, wait: gracefulWait}
)

// Close ends the session: the client gets what was sent before, and then sees its transport closed, upon which stock
// clients connect again. OnClose is called with the reason, soon and in another goroutine. A closed session stays as it is.
func (s *Session) Close(reason CloseReason) { s.close(reason, nil, closeGraceful) }

func (s *Session) close(reason CloseReason, err error, mode closeMode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked(reason, err, mode)
}

// closeLocked is close for those who hold the lock. Only the first reason counts, but a mode that does not wait overtakes
// one that does.
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

// forget forgets the session. The lock is held.
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

// taskDone is called, with the lock held, by a goroutine that was counted in tasks.
func (s *Session) taskDone() {
	s.tasks--
	s.signalEnd()
}

func (s *Session) signalEnd() {
	if s.ended != nil && s.state == stateClosed && s.tasks == 0 {
		close(s.ended)
	}
}

// done is closed once the session is closed and its goroutines have ended.
func (s *Session) done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = make(chan struct{})
		s.signalEnd()
	}
	return s.ended
}
