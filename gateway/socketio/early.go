// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// earlyEvent is an event that was emitted to a socket on its way in. Stock clients take no event before the answer to CONNECT;
// those for Node keep it themselves.
type earlyEvent struct {
	packet *parser.Packet
	flags  flags
}

// emitEarly keeps an event until the client is connected. It is false if the client is, if it has gone, if the event asks for an
// answer, which nobody could wait for, or if too many wait.
func (s *Socket) emitEarly(p *parser.Packet, f flags) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() > stateWelcoming || p.HasID {
		return false
	}
	h := s.handlers()
	if len(h.early) >= s.conn.server.limits.Load().EarlyEvents {
		return false
	}
	f.receipt.Expect()
	h.early = append(h.early, earlyEvent{p, f})
	return true
}

// sendEarly sends what was kept. The client is connected.
func (s *Socket) sendEarly() {
	for _, e := range s.takeEarly() {
		err := s.emit(e.packet, e.flags)
		e.flags.receipt.Resolve(err)
		if err != nil {
			s.failed(err)
		}
	}
}

// dropEarly drops what was kept for a client that is not let in.
func (s *Socket) dropEarly() {
	for _, e := range s.takeEarly() {
		e.flags.receipt.Resolve(fmt.Errorf("emit %s: %w", e.packet.Event, ErrDisconnected))
	}
}

func (s *Socket) takeEarly() []earlyEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handling == nil {
		return nil
	}
	early := s.handling.early
	s.handling.early = nil
	return early
}
