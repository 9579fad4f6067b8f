// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Event is an event that a client has emitted.
type Event struct {
	// Name is the name of the event; an integer is given in decimal digits.
	Name string
	// Args are the arguments after the name. They may be kept, and must not be changed.
	Args Args

	socket *Socket
	id     uint64
	// ctx is the context of SetContext; nil without one. It is a pointer so that events stay small.
	ctx *context.Context
	// open is true while the client waits for an acknowledgement.
	open atomic.Bool
}

// Socket returns the socket of the client that sent the event.
func (e *Event) Socket() *Socket { return e.socket }

// Context returns the context of SetContext, or that of the socket without one.
func (e *Event) Context() context.Context {
	if e.ctx != nil {
		return *e.ctx
	}
	return e.socket.Context()
}

// SetContext sets the context for the handlers that run after the caller, which is a middleware
// (Socket.Use) or a handler of OnAny. It should be derived from Context. Only handlers of the event
// may call it, before they return.
func (e *Event) SetContext(ctx context.Context) { e.ctx = &ctx }

// Trace returns the trace of the context that SetContext has set; nil if there is none.
func (e *Event) Trace() *trace.Parent {
	if e.ctx == nil {
		return nil
	}
	return trace.FromContext(*e.ctx)
}

// NeedsAck reports whether the client waits for an acknowledgement that nobody has given.
func (e *Event) NeedsAck() bool { return e.open.Load() }

// Ack answers the client with arguments. Only the first answer counts; after it, or if the client
// asked for none, Ack returns ErrNoAck. If there are more attachments than clients accept, Ack
// returns an error, and the client still waits.
func (e *Event) Ack(args Args) error {
	if err := e.claim(args); err != nil {
		return err
	}
	return e.sendAck(args)
}

// claim takes the right to answer, if each of the possible answers can be sent.
func (e *Event) claim(answers ...Args) error {
	if !e.open.Load() {
		return ErrNoAck
	}
	for _, args := range answers {
		if err := e.checkAck(args); err != nil {
			return err
		}
	}
	if !e.open.CompareAndSwap(true, false) {
		return ErrNoAck
	}
	return nil
}

func (e *Event) checkAck(args Args) error {
	if n, most := len(args.Attachments), e.socket.namespace.server.codec.MaxAttachments(); n > most {
		return fmt.Errorf("acknowledge %s: %d binary arguments, clients take %d", e.Name, n, most)
	}
	return nil
}

// AckSettled answers when the outcome of the event's effects is known: with args if the socket's
// changes (see Socket.Settle) and the events that receipt has collected are stored, and with
// failure otherwise. The receipt may be nil. It returns the errors of Ack, but no error if the
// client disconnects before the answer.
func (e *Event) AckSettled(receipt *Receipt, args, failure Args) error {
	if err := e.claim(args, failure); err != nil {
		return err
	}
	if e.socket.namespace.keeper() == nil && receipt.Expected() == 0 { // the outcome is known
		_ = e.sendAck(args)
		return nil
	}
	e.ackLater(receipt, args, failure)
	return nil
}

func (e *Event) ackLater(receipt *Receipt, args, failure Args) {
	e.socket.Settle(func(unsaved error) {
		receipt.Notify(func(err error) {
			if unsaved != nil || err != nil {
				args = failure
			}
			_ = e.sendAck(args)
		})
	})
}

// ClaimAck gives the caller the right to answer later: NeedsAck returns false from now on. answer
// may be called once.
func (e *Event) ClaimAck() (answer func(Args) error, err error) {
	if !e.open.CompareAndSwap(true, false) {
		return nil, ErrNoAck
	}
	return e.sendAck, nil
}

func (e *Event) sendAck(args Args) error {
	if !e.socket.Connected() {
		return ErrDisconnected
	}
	if err := e.checkAck(args); err != nil {
		return err
	}
	e.socket.conn.Send(&parser.Packet{
		Type:        parser.Ack,
		Namespace:   e.socket.namespace.name,
		ID:          e.id,
		HasID:       true,
		Payload:     args.List(),
		Attachments: args.Attachments,
	})
	return nil
}

// Reply is Ack with values; see NewArgs.
func (e *Event) Reply(values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", e.Name, err)
	}
	return e.Ack(args)
}

// onEvent calls the handlers of an event. Of one that arrives after the socket has left, only the
// listener is told.
func (s *Socket) onEvent(p *parser.Packet) {
	connected := s.Connected()
	if p.Payload == nil {
		return
	}
	ev := &Event{Name: p.Event, Args: Args{JSON: p.Payload, Attachments: p.Attachments}, socket: s, id: p.ID}
	ev.open.Store(p.HasID)
	if l := s.Listener(); l != nil {
		l.OnEvent(ev)
	}
	if !connected {
		return
	}
	s.handlers.Event(ev.Name, ev, func(err error) {
		_ = ev.replyOnce(map[string]string{"error": err.Error()}) // strings always encode
		s.failed(fmt.Errorf("event %.128q: %w", ev.Name, err))
	})
}

// LogAttr is what log lines say of the client: socket, connection, and its handshake's trace.
func (s *Socket) LogAttr() slog.Attr { return trace.LogAttr(s.id, s.conn.Session()) }

// Origin is the connection, as in LogAttr, and its handshake's span; nil if that is not sampled.
func (s *Socket) Origin() (string, *trace.Parent) { return trace.OriginOf(s.conn.Session()) }

// failed passes an error to the OnError handlers, or logs it if there are none.
func (s *Socket) failed(err error) {
	if !s.handlers.Error(err) {
		s.namespace.server.log.Debug("nobody handles a socket's error", s.LogAttr(), "error", err)
	}
}

// Broadcast addresses all sockets of the namespace except this one.
func (s *Socket) Broadcast() *Broadcast { return s.namespace.Except(s.id) }

// To addresses the members of rooms except the socket itself.
func (s *Socket) To(rooms ...string) *Broadcast { return s.Broadcast().To(rooms...) }

// Except addresses all sockets of the namespace except the socket itself and the members of rooms.
func (s *Socket) Except(rooms ...string) *Broadcast { return s.Broadcast().Except(rooms...) }

// InTurn calls f like a handler of the socket: at once if none is running, otherwise after the
// handlers that run or wait, in the goroutine that runs those. A goroutine calls it with a result
// that no handler waits for. The socket may have disconnected by then; see Connected.
func (s *Socket) InTurn(f func()) { s.conn.Run(s.lane, f) }

// After is Suspend for a handler that waits: it calls wait in another goroutine, and then then.
func (s *Socket) After(wait, then func()) { s.conn.After(s.lane, wait, then) }

// Suspend lets a handler wait without a goroutine: the handler calls Suspend and returns, and
// continues in the function that is passed to resume. Until then no other handler of the socket
// runs, as if the handler had blocked, but its stack is free. Only handlers may call Suspend, and
// resume must be called exactly once. resume runs the function and all handlers that have become
// due, so it may take long.
func (s *Socket) Suspend() (resume func(then func())) { return s.conn.Suspend(s.lane) }

// Compute calls f, which uses the processor for milliseconds rather than microseconds. Such calls
// take turns, so that other clients are served in the meantime. Only handlers may call it, and f
// must neither block nor call Compute.
func (s *Socket) Compute(f func()) { s.conn.Session().Compute(f) }

// Suspended returns the number of handlers that Suspend and After have suspended.
func (s *Server) Suspended() int { return int(s.host.Suspended.Load()) }
