// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"
	"sync/atomic"
)

// Event is an event that a client has emitted.
type Event struct {
	// Name of the event; an integer name is given as its digits.
	Name string
	// Args are the arguments behind the name. They may be kept, and must not be changed.
	Args Args

	socket *Socket
	id     uint64
	// open is true while the client waits for an acknowledgement.
	open atomic.Bool
}

// Socket is the one that has emitted the event.
func (e *Event) Socket() *Socket { return e.socket }

// NeedsAck tells whether the client waits for an acknowledgement that nobody has given.
func (e *Event) NeedsAck() bool { return e.open.Load() }

// Ack answers the client with arguments. The first answer counts; after it, or when the client asked for none, Ack
// returns ErrNoAck.
func (e *Event) Ack(args Args) error {
	if !e.open.CompareAndSwap(true, false) {
		return ErrNoAck
	}
	if !e.socket.Connected() {
		return ErrDisconnected
	}
	e.socket.conn.send(&packet{
		typ:         packetAck,
		namespace:   e.socket.namespace.name,
		id:          e.id,
		hasID:       true,
		payload:     args.list(),
		attachments: args.Attachments,
	})
	return nil
}

// onEvent calls the handlers of an event. What comes in after the socket has left is ignored.
func (s *Socket) onEvent(p *packet) {
	if !s.Connected() || p.payload == nil {
		return
	}
	ev := &Event{Name: p.event, Args: Args{JSON: p.payload, Attachments: p.attachments}, socket: s, id: p.id}
	ev.open.Store(p.hasID)
	s.mu.Lock()
	onAny, on := s.onAny, s.on[p.event]
	s.mu.Unlock()
	for _, f := range onAny {
		f(ev)
	}
	for _, f := range on {
		f(ev)
	}
}

// Emit sends an event to the client. See NewArgs for values.
func (s *Socket) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return s.EmitArgs(event, args)
}

// EmitArgs is Emit with arguments that are encoded already.
func (s *Socket) EmitArgs(event string, args Args) error {
	return s.emit(&packet{typ: packetEvent, event: event, payload: args.list(), attachments: args.Attachments})
}

func (s *Socket) emit(p *packet) error {
	if IsReservedEvent(p.event) {
		return fmt.Errorf("emit %s: %w", p.event, ErrReservedEvent)
	}
	if !s.Connected() {
		return fmt.Errorf("emit %s: %w", p.event, ErrDisconnected)
	}
	p.namespace = s.namespace.name
	s.conn.send(p)
	return nil
}

// Broadcast aims at everybody in the namespace but the socket itself.
func (s *Socket) Broadcast() *Broadcast { return s.namespace.Except(s.id) }

// To aims at the members of rooms but the socket itself.
func (s *Socket) To(rooms ...string) *Broadcast { return s.Broadcast().To(rooms...) }
