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

// receive handles a packet from the client. A session that is not open ignores it. more reports
// whether the client has sent another packet, which is received next. l is the reader if it has a
// goroutine of its own. kept is false if the handler took long and another goroutine now reads the
// connection, which the caller must not use any more.
func (s *Session) receive(p packet.Packet, more bool, l *lone) (kept bool) {
	if p.Type == packet.Message {
		return s.deliver(p, more, l)
	}
	s.takeControl(p)
	return true
}

// takeControl is receive for all packets except messages.
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

// deliver passes a message to the handler; see receive.
func (s *Session) deliver(p packet.Packet, more bool, l *lone) (kept bool) {
	if !s.dispatching.TryLock() {
		if !s.isOpen() {
			return true // OnClose may be running, and waiting for handlers
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

// lone is a reader with a goroutine of its own, rather than a worker of the poller. If a handler
// blocks that goroutine, another one continues.
type lone struct {
	kind patience.Reader
	call patience.Call
	// stream is the connection; nil for a POST.
	stream io.Reader
}

func newLone(kind patience.Reader, session func() *Session, goOn func()) *lone {
	return &lone{kind: kind, call: patience.Call{HandOn: func() bool { return session().handOn(kind) }, GoOn: goOn}}
}

// errHandedOn ends the reading by a goroutine whose handler took long. Another goroutine reads on.
var errHandedOn = errors.New("handed on")

// MayWait must be called from within OnMessage, by a Handler that may take long from then on, for
// example in code of an application. If it does, another goroutine reads the connection: pings are
// answered, and OnMessage is called with the client's next message while this call is still
// running. The Handler must limit the number of such calls.
func (s *Session) MayWait() { s.turn.MayWait() }

// HandOn lets another goroutine read the connection at once, if a call of OnMessage is running that
// may wait. Call it before waiting for the client's next message; otherwise that takes some
// milliseconds longer.
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

// Compute calls f, which uses the processor for milliseconds rather than microseconds, such as the
// decoding of a message of a megabyte. A Handler calls it from within OnMessage. Such calls take
// turns, which leaves half of the processors to all other clients; they are served meanwhile. So f
// must neither wait nor call Compute.
func (s *Session) Compute(f func()) {
	s.mu.Lock()
	t := s.transport
	s.mu.Unlock()
	if t, ok := t.(streamTransport); ok && t.shared().polled != nil {
		t.shared().polled.Long()
	}
	s.server.computing <- struct{}{}
	defer func() { <-s.server.computing }()
	f()
}

// beginTurn begins a call of OnMessage. dispatching is held.
func (s *Session) beginTurn(l *lone) (turn uint64) {
	reader := patience.Polled
	if l != nil {
		reader = l.kind
		s.server.watch.Begin(&l.call)
	}
	return s.turn.Begin(reader)
}

// endTurn ends a call of OnMessage. It returns false if the call was handed on.
func (s *Session) endTurn(turn uint64, l *lone) (kept bool) {
	if !s.turn.End(turn) {
		s.endTask() // begun by handOn
		return false
	}
	s.dispatching.Unlock()
	if l != nil {
		s.server.watch.End(&l.call)
	}
	return true
}

// handOn takes the turn from a call of OnMessage by a reader, if there is one that may wait. That
// reader no longer owns its connection.
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
	s.tasks++ // before the call ends
	s.dispatching.Unlock()
	return true
}

// start calls OnSession. The caller has held dispatching since before the session could end, so an
// early end, such as by a heartbeat on a busy machine, is delivered after the handler is set.
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

// guard calls code of the application. A panic ends this session rather than the process.
func (s *Session) guard(what string, call func()) {
	defer func() {
		if r := recover(); r != nil {
			s.server.panics.Tell(placeHandler, r, "call", what, "connection", s.LogID())
			s.close(ReasonTransportError, fmt.Errorf("%s panicked: %v", what, r), closeNow)
		}
	}()
	call()
}
