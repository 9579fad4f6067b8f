// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Emission is an emission to one client in the making. Each step returns a new value. Safe for concurrent use.
type Emission struct {
	socket *Socket
	flags  event.Flags
}

// Volatile makes an event that is dropped if the client cannot take it at once: while it polls between two requests, or while
// its connection is full of packets that it has not read; Server.QueueVolatile has it wait instead. It is for what the next event replaces,
// such as a position.
func (s *Socket) Volatile() *Emission { return (&Emission{socket: s}).Volatile() }

// Compress allows or forbids the transport to compress an event; see Broadcast.Compress.
func (s *Socket) Compress(allowed bool) *Emission { return (&Emission{socket: s}).Compress(allowed) }

// Volatile makes the event one that may be dropped; see Socket.Volatile.
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

// Receipt has r report whether the event gets stored; see Broadcast.Receipt. Events for a client that cannot be recovered, and
// those that ask for an acknowledgement, are not stored.
func (e *Emission) Receipt(r *Receipt) *Emission {
	next := *e
	next.flags.Receipt = r
	return &next
}

// WithContext is Broadcast.WithContext.
func (e *Emission) WithContext(ctx context.Context) *Emission { return e.Trace(trace.FromContext(ctx)) }

// Trace is Broadcast.Trace. Only events that are stored for a client's return leave the server.
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

// EmitArgs is Emit with arguments that are encoded already.
func (e *Emission) EmitArgs(event string, args Args) error {
	return e.socket.emit(eventPacket(event, args), e.flags)
}

// EmitWithAck is Socket.EmitWithAck. An event that is dropped gets no answer before the context ends.
func (e *Emission) EmitWithAck(ctx context.Context, event string, values ...any) (Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return Args{}, fmt.Errorf("emit %s: %w", event, err)
	}
	return e.EmitArgsWithAck(ctx, event, args)
}

// EmitArgsWithAck is EmitWithAck with arguments that are encoded already.
func (e *Emission) EmitArgsWithAck(ctx context.Context, event string, args Args) (Args, error) {
	return e.socket.emitWithAck(ctx, eventPacket(event, args), e.flags)
}

// Emit sends an event to the client. See NewArgs for values. An error says that the event was not queued: the socket has gone
// (ErrDisconnected), the name is Socket.IO's own (ErrReservedEvent), or a value cannot be encoded. What a middleware of the
// namespace emits is sent once the client is connected, and not if it is refused. That there is no error does not say
// that the client has got it; EmitWithAck does. Nor does it say, where events are stored for recovery, that this one is:
// Emission.Receipt reports that.
func (s *Socket) Emit(event string, values ...any) error {
	return (&Emission{socket: s}).Emit(event, values...)
}

// EmitArgs is Emit with arguments that are encoded already.
func (s *Socket) EmitArgs(name string, args Args) error {
	return s.emit(eventPacket(name, args), event.Flags{})
}

// EmitWithAck sends an event and waits for the client's answer, until the context ends or the client goes (ErrDisconnected). A handler
// may call it, too: the socket's next event waits for the handler, its answers do not. Only a client that sends more events meanwhile
// than wait for a handler, 16 KiB, is not read, so that its answer is not either; it is given up after a ping timeout.
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

// emitKept lets the adapter send the event to the room of the socket's id, so that it is there for a client that comes back.
func (s *Socket) emitKept(p *parser.Packet, e parser.Encoded, f event.Flags) error {
	d := event.NewDelivery(e, Target{Rooms: []string{s.id}, Local: f.Volatile}, f)
	if err := s.namespace.adapter.Broadcast(d); err != nil {
		return fmt.Errorf("emit %s: %w", p.Event, err)
	}
	return nil
}

// checkEmission refuses an event that would make stock clients close the connection.
func (s *Server) checkEmission(p *parser.Packet) error {
	if IsReservedEvent(p.Event) {
		return fmt.Errorf("emit %s: %w", p.Event, ErrReservedEvent)
	}
	if n, most := len(p.Attachments), s.codec.MaxAttachments(); n > most {
		return fmt.Errorf("emit %s: %d binary arguments, clients take %d", p.Event, n, most)
	}
	return nil
}

// notifyOutgoing calls the handlers. One that panics ends the socket's connection, and not what is sent to others.
func (s *Socket) notifyOutgoing(event string, args Args) {
	defer s.conn.Recovered()
	s.handlers.Outgoing(event, args)
}

// earlyEvent is an event that was emitted to a socket on its way in. Stock clients take no event before the answer to CONNECT;
// those for Node keep it themselves.
type earlyEvent struct {
	packet *parser.Packet
	flags  event.Flags
}

// emitEarly keeps an event until the client is connected. It is false if the client is, if it has gone, if the event asks for an
// answer, which nobody could wait for, or if too many wait.
func (s *Socket) emitEarly(p *parser.Packet, f event.Flags) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() > stateWelcoming || p.HasID {
		return false
	}
	e := s.needExtras()
	if e.early == nil {
		e.early = &[]earlyEvent{}
	}
	if len(*e.early) >= s.limits().EarlyEvents {
		return false
	}
	f.Receipt.Expect()
	*e.early = append(*e.early, earlyEvent{p, f})
	return true
}

// sendEarly sends what was kept. The client is connected.
func (s *Socket) sendEarly() {
	for _, e := range s.takeEarly() {
		err := s.emit(e.packet, e.flags)
		e.flags.Receipt.Resolve(err)
		if err != nil {
			s.failed(err)
		}
	}
}

// dropEarly drops what was kept for a client that is not let in.
func (s *Socket) dropEarly() {
	for _, e := range s.takeEarly() {
		e.flags.Receipt.Resolve(fmt.Errorf("emit %s: %w", e.packet.Event, ErrDisconnected))
	}
}

func (s *Socket) takeEarly() []earlyEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extras == nil || s.extras.early == nil {
		return nil
	}
	early := *s.extras.early
	s.extras.early = nil
	return early
}
