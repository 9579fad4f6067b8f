// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// ackFunc receives a client's acknowledgement; ok is false if the client disconnected without one.
// It is called once, and must not block.
type ackFunc func(args Args, ok bool)

// ackTable has a function for each acknowledgement that the client owes. The socket's mu guards it.
type ackTable map[uint64]ackFunc

// awaitAck registers f for the acknowledgement of the packet with that id. It returns
// ErrDisconnected, or ErrManyAcks: a client that never answers must not collect functions without a
// bound.
func (s *Socket) awaitAck(id uint64, f ackFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.acksClosed:
		return ErrDisconnected
	case len(s.acks) >= s.limits().PendingAcks:
		return ErrManyAcks
	}
	if s.acks == nil {
		s.acks = ackTable{}
	}
	s.acks[id] = f
	return nil
}

// takeAck returns and removes the function for an acknowledgement.
func (s *Socket) takeAck(id uint64) ackFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.acks[id]
	delete(s.acks, id)
	return f
}

// abandonAcks reports to all waiting functions that the client has disconnected.
func (s *Socket) abandonAcks() {
	s.mu.Lock()
	waiting := s.acks
	s.acks, s.acksClosed = nil, true
	s.mu.Unlock()
	for _, f := range waiting {
		f(Args{}, false)
	}
}

// onAck passes an acknowledgement on to its function. It is ignored if there is none, or none any
// more, or if the listener does not take it. One without an id is for no function, but counts.
func (s *Socket) onAck(p *parser.Packet) {
	args := Args{JSON: p.Payload, Attachments: p.Attachments}
	if l := s.Listener(); l != nil && !l.OnAck(args) || !p.HasID {
		return
	}
	if f := s.takeAck(p.ID); f != nil {
		f(args, true)
	}
}

// emitWithAck sends an event and waits for the answer.
func (s *Socket) emitWithAck(ctx context.Context, p *parser.Packet, f event.Flags) (Args, error) {
	answers := make(chan event.Answer, 1)
	p.ID, p.HasID = s.namespace.nextAckID(), true
	if err := s.awaitAck(p.ID, func(args Args, ok bool) { answers <- event.Answer{Args: args, OK: ok} }); err != nil {
		return Args{}, fmt.Errorf("emit %s: %w", p.Event, err)
	}
	defer func() { _ = s.takeAck(p.ID) }() // no longer waited for
	if err := s.emit(p, f); err != nil {
		return Args{}, err
	}
	s.conn.Session().HandOn() // this may block a handler of the connection
	return event.Await(ctx, answers, p.Event)
}
