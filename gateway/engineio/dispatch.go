// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

var (
	errClientPing = errors.New("ping from the client")
	errClientPong = errors.New("pong from the client")
)

// receive does what a client's packet asks for. A session that is not open ignores it. more tells that the client has sent
// something behind it, which comes next.
func (s *Session) receive(p packet.Packet, more bool) {
	switch p.Type {
	case packet.Message:
		s.deliver(p, more)
		return
	case packet.Ping:
		if s.protocol == protocol3 {
			s.answerPing()
			return
		}
		s.flushSoon()
		s.close(ReasonTransportError, errClientPing, closeNow)
		return
	case packet.Close:
		s.flushSoon()
		s.close(ReasonTransportClose, nil, closeByClient)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen {
		return
	}
	if p.Type == packet.Pong {
		if s.protocol == protocol3 {
			s.closeLocked(ReasonTransportError, errClientPong, closeNow)
			return
		}
		if now := time.Now(); s.heartbeat.Pong(now) {
			s.awaitBeat(now)
		}
		return
	}
	s.heartbeat.Extend() // the other types have no meaning here, but show that the client is alive
}

// deliver hands a message to the handler.
func (s *Session) deliver(p packet.Packet, more bool) {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()

	s.mu.Lock()
	open := s.state == stateOpen
	if open {
		s.heartbeat.Extend()
	}
	s.more = more
	s.mu.Unlock()
	if open {
		s.guard("OnMessage", func() { s.handler.OnMessage(p.Data, p.Binary) })
	}
}

// start asks the application who takes the session's messages. The caller has held dispatching since before anybody could end the
// session: so whatever ends it before there is a handler, such as a heartbeat on a busy machine, waits to tell it.
func (s *Session) start() {
	s.guard("OnSession", func() { s.handler = s.config.OnSession(s) })
}

func (s *Session) deliverClose(reason CloseReason, err error) {
	s.dispatching.Lock()
	if s.handler != nil {
		s.guard("OnClose", func() { s.handler.OnClose(reason, err) })
	}
	s.dispatching.Unlock()
	s.endTask()
}

// guard runs code of the application. Its panic ends this session, not the process and everybody else's.
func (s *Session) guard(what string, call func()) {
	defer func() {
		if r := recover(); r != nil {
			s.server.panics.Tell(placeHandler, r, "call", what, "session", s.LogID())
			s.close(ReasonTransportError, fmt.Errorf("%s panicked: %v", what, r), closeNow)
		}
	}()
	call()
}
