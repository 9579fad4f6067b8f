// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Event is an event that a client has emitted.
type Event struct {
	// Name of the event; an integer name is given as its digits.
	Name string
	// Args are the arguments behind the name. They may be kept, and must not be changed.
	Args Args

	socket *Socket
	id     uint64
	// ctx is what SetContext has set; nil otherwise. It is a pointer, so that an event takes no more memory.
	ctx *context.Context
	// open is true while the client waits for an acknowledgement.
	open atomic.Bool
}

// Socket returns the socket of the client that sent the event.
func (e *Event) Socket() *Socket { return e.socket }

// Context is the context of the event: that of SetContext, or else the socket's.
func (e *Event) Context() context.Context {
	if e.ctx != nil {
		return *e.ctx
	}
	return e.socket.Context()
}

// SetContext gives the event a context for the handlers behind the caller, which is a middleware (Socket.Use)
// or OnAny. It should derive from Context. Called by a handler of the event, before the next.
func (e *Event) SetContext(ctx context.Context) { e.ctx = &ctx }

// Trace is that of the context that SetContext has set; nil if there is none.
func (e *Event) Trace() *trace.Parent {
	if e.ctx == nil {
		return nil
	}
	return trace.FromContext(*e.ctx)
}

// NeedsAck reports whether the client waits for an acknowledgement that nobody has given.
func (e *Event) NeedsAck() bool { return e.open.Load() }

// Ack answers the client with arguments. The first answer counts; after it, or when the client asked for none, Ack
// returns ErrNoAck. It also fails, and the client still waits, if the arguments are more than clients take.
func (e *Event) Ack(args Args) error {
	if err := e.claim(args); err != nil {
		return err
	}
	return e.sendAck(args)
}

// claim takes the right to answer, with any of the arguments.
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

// AckSettled is Ack when the outcome of what the event has led to is known: with args if the socket's changes (see
// Socket.Settle) and the events that receipt has collected are stored, with failure if any of them is not. The receipt may be
// nil. Errors are those of Ack; that the client has gone meanwhile is none.
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

// ClaimAck makes the answer the caller's, to be given later: NeedsAck is false from now on. The answer is given once.
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

// onEvent calls the handlers of an event. What comes in after the socket has left is ignored.
func (s *Socket) onEvent(p *parser.Packet) {
	if !s.Connected() || p.Payload == nil {
		return
	}
	ev := &Event{Name: p.Event, Args: Args{JSON: p.Payload, Attachments: p.Attachments}, socket: s, id: p.ID}
	ev.open.Store(p.HasID)
	if l := s.listening(); l != nil {
		l.OnEvent(ev)
	}
	s.handlers.Event(ev.Name, ev, func(err error) {
		_ = ev.replyOnce(map[string]string{"error": err.Error()}) // strings always encode
		s.failed(fmt.Errorf("event %.128q: %w", ev.Name, err))
	})
}

// failed tells the OnError handlers, or the log.
func (s *Socket) failed(err error) {
	if !s.handlers.Error(err) {
		s.namespace.server.log.Debug("nobody handles a socket's error", "socket", s.LogID(), "error", err)
	}
}

// Broadcast aims at everybody in the namespace but the socket itself.
func (s *Socket) Broadcast() *Broadcast { return s.namespace.Except(s.id) }

// To aims at the members of rooms but the socket itself.
func (s *Socket) To(rooms ...string) *Broadcast { return s.Broadcast().To(rooms...) }

// Except aims at everybody in the namespace but the socket itself and the members of rooms.
func (s *Socket) Except(rooms ...string) *Broadcast { return s.Broadcast().Except(rooms...) }

// InTurn calls f as a handler of the socket is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.Run(s.lane, f) }

// After is Suspend for a handler that waits for a function: then is called when that has returned.
func (s *Socket) After(wait, then func()) { s.conn.After(s.lane, wait, then) }

// Suspend is for a handler that waits: it returns, and goes on in what resume is given, when that is called. Until then nothing else
// of the socket has its turn, as if the handler had waited; but no goroutine waits, with all that the handler has had on its stack.
// It is called by a handler, and resume exactly once. That calls what it is given, and whatever else has its turn then, so it may
// take its time.
func (s *Socket) Suspend() (resume func(then func())) { return s.conn.Suspend(s.lane) }

// Compute calls f, which uses the processor for milliseconds rather than microseconds. Such calls take turns, so that other clients are
// served meanwhile. It is for a handler, and f must neither wait nor call Compute.
func (s *Socket) Compute(f func()) { s.conn.Session().Compute(f) }

// Suspended is how many handlers wait, of those that Suspend and After have suspended.
func (s *Server) Suspended() int { return int(s.host.Suspended.Load()) }
