// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// ackFunc takes a client's acknowledgement; ok is false if the client has gone without one. It is called once, and must
// not block.
type ackFunc func(args Args, ok bool)

// ackTable holds who waits for a client's acknowledgements. Guarded by the socket's mu.
type ackTable map[uint64]ackFunc

// awaitAck sees to it that f gets the answer to a packet with the id. Its errors are ErrDisconnected and
// ErrManyAcks: whoever asks a client that never answers would pile up otherwise.
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

// takeAck returns who waits for the answer, once.
func (s *Socket) takeAck(id uint64) ackFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.acks[id]
	delete(s.acks, id)
	return f
}

// abandonAcks ends the wait of everybody: the client has gone.
func (s *Socket) abandonAcks() {
	s.mu.Lock()
	waiting := s.acks
	s.acks, s.acksClosed = nil, true
	s.mu.Unlock()
	for _, f := range waiting {
		f(Args{}, false)
	}
}

// onAck hands a client's answer to who waits for it. One that nobody waits for, any more, is ignored.
func (s *Socket) onAck(p *parser.Packet) {
	if !p.HasID {
		return
	}
	if f := s.takeAck(p.ID); f != nil {
		f(Args{JSON: p.Payload, Attachments: p.Attachments}, true)
	}
}

// answer is what a single client has said, or not.
type answer struct {
	args Args
	ok   bool
}

// emitWithAck sends an event and waits for the answer.
func (s *Socket) emitWithAck(ctx context.Context, p *parser.Packet, f event.Flags) (Args, error) {
	answers := make(chan answer, 1)
	p.ID, p.HasID = s.namespace.nextAckID(), true
	if err := s.awaitAck(p.ID, func(args Args, ok bool) { answers <- answer{args, ok} }); err != nil {
		return Args{}, fmt.Errorf("emit %s: %w", p.Event, err)
	}
	defer func() { _ = s.takeAck(p.ID) }() // nobody waits any more
	if err := s.emit(p, f); err != nil {
		return Args{}, err
	}
	s.conn.Session().HandOn() // a handler of the connection may wait here
	select {
	case a := <-answers:
		if !a.ok {
			return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", p.Event, ErrDisconnected)
		}
		return a.args, nil
	case <-ctx.Done():
		return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", p.Event, ctx.Err())
	}
}
