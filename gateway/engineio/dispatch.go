// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
)

var (
	errClientPing = errors.New("ping from the client")
	errClientPong = errors.New("pong from the client")
)

// receive does what a client's packet asks for. A session that is not open ignores it. more tells that the client has sent
// something behind it, which comes next. l is the reader, if it is alone with its goroutine. kept is false if the handler has taken long,
// and another goroutine reads the connection now: the caller has no use for it any more.
func (s *Session) receive(p packet.Packet, more bool, l *lone) (kept bool) {
	if p.Type == packet.Message {
		return s.deliver(p, more, l)
	}
	s.takeControl(p)
	return true
}

// takeControl is receive for packets that are no messages.
func (s *Session) takeControl(p packet.Packet) {
	switch p.Type {
	case packet.Ping:
		if s.protocol == packet.Protocol3 {
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
		if s.protocol == packet.Protocol3 {
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

// deliver hands a message to the handler; see receive.
func (s *Session) deliver(p packet.Packet, more bool, l *lone) (kept bool) {
	if !s.dispatching.TryLock() {
		if !s.isOpen() {
			return true // OnClose may be waiting for handlers
		}
		s.dispatching.Lock()
	}
	s.mu.Lock()
	open := s.state == stateOpen
	if open {
		s.heartbeat.Extend()
	}
	s.more = more
	s.mu.Unlock()
	if !open {
		s.dispatching.Unlock()
		return true
	}
	turn := s.beginTurn(l)
	s.guard("OnMessage", func() { s.handler.OnMessage(p.Data, p.Binary) })
	return s.endTurn(turn, l)
}

// lone is a reader that does not belong to the poller. A goroutine is its own: where a handler keeps that, another one goes on.
type lone struct {
	kind patience.Reader
	call patience.Call
	// stream is what is read, if it is a connection.
	stream io.Reader
}

func newLone(kind patience.Reader, session func() *Session, goOn func()) *lone {
	return &lone{kind: kind, call: patience.Call{HandOn: func() bool { return session().handOn(kind) }, GoOn: goOn}}
}

// errHandedOn ends the reading by a goroutine whose handler has taken long. Another one reads.
var errHandedOn = errors.New("handed on")

// MayWait is called by a Handler from within OnMessage that may take its time from then on, as with code of an application. Where it
// does, the connection is read by others: pings and their answers are taken, and OnMessage is called with the client's next
// message while this call is still under way. How many may be is for the Handler to bound.
func (s *Session) MayWait() { s.turn.MayWait() }

// HandOn has others read the connection at once, if a call of OnMessage is under way that may wait. It is for who waits for what
// the client sends next; without it others do so some milliseconds later.
func (s *Session) HandOn() {
	_, reader, ok := s.turn.Waiting()
	if !ok {
		return
	}
	s.mu.Lock()
	t := s.transport
	s.mu.Unlock()
	switch t := t.(type) {
	case *polling:
		if l := t.poster(); l != nil {
			s.server.watch.HandOn(&l.call)
		}
	case streamTransport:
		switch d := t.shared(); reader {
		case patience.Polled:
			d.polled.HandOn()
		case patience.Stream:
			s.server.watch.HandOn(&d.lone.call)
		}
	}
}

// beginTurn begins a call of OnMessage. Dispatching is held.
func (s *Session) beginTurn(l *lone) (turn uint64) {
	reader := patience.Polled
	if l != nil {
		reader = l.kind
		s.server.watch.Begin(&l.call)
	}
	return s.turn.Begin(reader)
}

// endTurn ends a call of OnMessage. It is false if it was handed on.
func (s *Session) endTurn(turn uint64, l *lone) (kept bool) {
	if !s.turn.End(turn) {
		s.endTask() // which handOn has begun
		return false
	}
	s.dispatching.Unlock()
	if l != nil {
		s.server.watch.End(&l.call)
	}
	return true
}

// handOn ends the turn of a call of OnMessage by a reader, if there is one that may wait. That reader has lost its connection then.
func (s *Session) handOn(kind patience.Reader) bool {
	turn, reader, ok := s.turn.Waiting()
	if !ok || reader != kind {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.turn.HandOn(turn) {
		return false
	}
	s.tasks++ // before the call can end
	s.dispatching.Unlock()
	return true
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
