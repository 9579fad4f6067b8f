// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/early"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Emission is an event for one client that is not sent yet. Each step returns a new value. Safe for
// concurrent use.
type Emission struct {
	socket *Socket
	flags  event.Flags
}

// Volatile drops the event if the client cannot take it at once: a polling client between two
// requests, or a client that has not read what was sent before. Server.QueueVolatile lets such
// events wait instead. It is for values that the next event replaces, such as a position.
func (s *Socket) Volatile() *Emission { return (&Emission{socket: s}).Volatile() }

// Compress allows or forbids the transport to compress an event; see Broadcast.Compress.
func (s *Socket) Compress(allowed bool) *Emission { return (&Emission{socket: s}).Compress(allowed) }

// Volatile drops the event if the client cannot take it at once; see Socket.Volatile.
func (e *Emission) Volatile() *Emission {
	next := *e
	next.flags.Volatile = true
	return &next
}

// Compress allows or forbids the transport to compress the event; see Broadcast.Compress.
func (e *Emission) Compress(allowed bool) *Emission {
	next := *e
	next.flags.Uncompressed = !allowed
	return &next
}

// Receipt lets r report whether the event was stored; see Broadcast.Receipt. Events for a client
// that cannot be recovered, and those that ask for an acknowledgement, are not stored.
func (e *Emission) Receipt(r *Receipt) *Emission {
	next := *e
	next.flags.Receipt = r
	return &next
}

// WithContext is Broadcast.WithContext.
func (e *Emission) WithContext(ctx context.Context) *Emission { return e.Trace(trace.FromContext(ctx)) }

// Trace is Broadcast.Trace. Only events that are stored for recovery leave the server.
func (e *Emission) Trace(p *trace.Parent) *Emission {
	next := *e
	next.flags.Trace = p
	return &next
}

// Emit sends an event. See NewArgs for values.
func (e *Emission) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return e.EmitArgs(event, args)
}

// EmitArgs is Emit with encoded arguments.
func (e *Emission) EmitArgs(event string, args Args) error {
	return e.socket.emit(eventPacket(event, args), e.flags)
}

// EmitWithAck is Socket.EmitWithAck. If the event is dropped, it returns when the context ends.
func (e *Emission) EmitWithAck(ctx context.Context, event string, values ...any) (Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return Args{}, fmt.Errorf("emit %s: %w", event, err)
	}
	return e.EmitArgsWithAck(ctx, event, args)
}

// EmitArgsWithAck is EmitWithAck with encoded arguments.
func (e *Emission) EmitArgsWithAck(ctx context.Context, event string, args Args) (Args, error) {
	return e.socket.emitWithAck(ctx, eventPacket(event, args), e.flags)
}

// Emit sends an event to the client. See NewArgs for values. An error means that the event was not
// queued: the socket has disconnected (ErrDisconnected), the name is reserved (ErrReservedEvent),
// or a value cannot be encoded. Events that a middleware of the namespace emits are sent when the
// client is connected, and dropped if it is refused. Without an error it is still unknown whether
// the client has received the event; EmitWithAck tells. If events are stored for recovery, it is
// also unknown whether this one is stored; Emission.Receipt reports that.
func (s *Socket) Emit(event string, values ...any) error {
	return (&Emission{socket: s}).Emit(event, values...)
}

// EmitArgs is Emit with encoded arguments.
func (s *Socket) EmitArgs(name string, args Args) error {
	return s.emit(eventPacket(name, args), event.Flags{})
}

// EmitWithAck sends an event and waits for the client's answer, until the context ends or the
// client disconnects (ErrDisconnected). A handler may call it: the socket's next event waits for
// the handler, but acknowledgements do not. However, if the client sends more than 16 KiB of events
// meanwhile, its connection is not read any further, so the acknowledgement is not read either, and
// the client is disconnected after a ping timeout.
func (s *Socket) EmitWithAck(ctx context.Context, event string, values ...any) (Args, error) {
	return (&Emission{socket: s}).EmitWithAck(ctx, event, values...)
}

func eventPacket(event string, args Args) *parser.Packet {
	return &parser.Packet{Type: parser.Event, Event: event, Payload: args.List(), Attachments: args.Attachments}
}

func (s *Socket) emit(p *parser.Packet, f event.Flags) error {
	if err := s.namespace.server.checkEmission(p); err != nil {
		return err
	}
	if !s.Connected() {
		if s.emitEarly(p, f) {
			return nil
		}
		if !s.Connected() {
			return fmt.Errorf("emit %s: %w", p.Event, ErrDisconnected)
		}
	}
	p.Namespace = s.namespace.name
	e := s.namespace.server.codec.Encode(p)
	e.Uncompressed = f.Uncompressed
	if s.pid != "" && !p.HasID {
		return s.emitKept(p, e, f)
	}
	if s.handlers.HasOutgoing() {
		s.notifyOutgoing(p.Event, Args{JSON: p.Payload, Attachments: p.Attachments})
	}
	if s.takes(f.Volatile) {
		s.conn.SendEncoded(e)
	}
	return nil
}

// emitKept broadcasts the event to the room of the socket's id, so that the adapter stores it for
// recovery.
func (s *Socket) emitKept(p *parser.Packet, e parser.Encoded, f event.Flags) error {
	d := event.NewDelivery(e, Target{Rooms: []string{s.id}, Local: f.Volatile}, f)
	if err := s.namespace.adapter.Broadcast(d); err != nil {
		return fmt.Errorf("emit %s: %w", p.Event, err)
	}
	return nil
}

// checkEmission refuses an event that would make stock clients close the connection.
func (s *Server) checkEmission(p *parser.Packet) error {
	return event.CheckEmission(p.Event, len(p.Attachments), s.codec.MaxAttachments())
}

// notifyOutgoing calls the handlers of OnAnyOutgoing. If one panics, the socket's connection ends.
func (s *Socket) notifyOutgoing(event string, args Args) {
	defer s.conn.Recovered()
	s.handlers.Outgoing(event, args)
}

// emitEarly stores an event until the client is connected. It returns false if the client is
// connected already or has gone, if too many events wait, or if the event asks for an
// acknowledgement, which the emitter could not wait for.
func (s *Socket) emitEarly(p *parser.Packet, f event.Flags) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() > stateWelcoming || p.HasID {
		return false
	}
	return s.needExtras().early.Add(early.Event{Packet: p, Flags: f}, s.limits().EarlyEvents)
}

func (s *Socket) takeEarly() []early.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extras == nil {
		return nil
	}
	return s.extras.early.Take()
}
