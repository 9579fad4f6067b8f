// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// On adds a handler for an event from the client. off removes it.
func (s *Socket) On(event string, f func(*Event)) (off func()) { return s.handlers.On(event, f) }

// Once adds a handler for the next event of that name only.
func (s *Socket) Once(event string, f func(*Event)) (off func()) { return s.handlers.Once(event, f) }

// Off removes all handlers of an event.
func (s *Socket) Off(event string) { s.handlers.Off(event) }

// OnAny adds a handler for every event from the client. It is called before middlewares and the
// handlers of On.
func (s *Socket) OnAny(f func(*Event)) (off func()) { return s.handlers.OnAny(f) }

// OnAnyOutgoing adds a handler for every event that is sent to the client. It is called by the
// goroutine that emits, and possibly by many at once: it must not block.
func (s *Socket) OnAnyOutgoing(f func(event string, args Args)) (off func()) {
	return s.handlers.OnAnyOutgoing(f)
}

// Use adds a middleware for events from the client. If it returns an error, the OnError handlers
// are called instead of the handlers of On. A client that waits for an acknowledgement gets
// {"error": "…"} with the text of the error, unless the middleware has answered.
func (s *Socket) Use(f func(*Event) error) { s.handlers.Use(f) }

// OnError adds a handler for events that middlewares refuse and that typed handlers cannot decode.
func (s *Socket) OnError(f func(error)) (off func()) { return s.handlers.OnError(f) }

// OnDisconnecting adds a handler that is called, with the reason, before the socket leaves rooms.
func (s *Socket) OnDisconnecting(f func(reason string)) (off func()) {
	return s.handlers.OnDisconnecting(f)
}

// OnDisconnect adds a handler that is called, with the reason, when the socket has left its rooms.
func (s *Socket) OnDisconnect(f func(reason string)) (off func()) {
	return s.handlers.OnDisconnect(f)
}

// OnUpgrade adds a handler that is called when the connection changes to another transport,
// "websocket" or "webtransport", like the "upgrade" event of Node's socket.conn. Most connections
// of stock clients begin with polling.
func (s *Socket) OnUpgrade(f func(transport string)) (off func()) { return s.handlers.OnUpgrade(f) }

// On adds a handler for an event whose first argument is a T: any type that encoding/json decodes,
// []byte for a binary argument, or Args for all arguments as they are. For an event whose argument
// is no T, the OnError handlers are called instead.
func On[T any](s *Socket, event string, f func(s *Socket, value T)) (off func()) {
	return s.On(event, func(ev *Event) {
		value, err := decodeAs[T](ev)
		if err != nil {
			s.failed(err)
			return
		}
		f(s, value)
	})
}

// OnAck is On for an event that asks for an acknowledgement: the result of the handler is the
// answer. An error goes to the OnError handlers, and to the client as {"error": "…"} with its text.
// So does an argument that is no T.
func OnAck[T, R any](s *Socket, event string, f func(s *Socket, value T) (R, error)) (off func()) {
	return s.On(event, func(ev *Event) {
		value, err := decodeAs[T](ev)
		var result R
		if err == nil {
			result, err = f(s, value)
		}
		if err == nil {
			err = ev.replyOnce(result)
		} else if e := ev.replyOnce(map[string]string{"error": err.Error()}); e != nil {
			err = fmt.Errorf("%w (and the answer: %w)", err, e)
		}
		if err != nil {
			s.failed(err)
		}
	})
}

// replyOnce answers an event that asks for an acknowledgement, and ignores others.
func (e *Event) replyOnce(value any) error {
	if !e.NeedsAck() {
		return nil
	}
	if args, ok := value.(Args); ok {
		return e.Ack(args)
	}
	return e.Reply(value)
}

func decodeAs[T any](ev *Event) (T, error) {
	var value T
	if all, ok := any(&value).(*Args); ok {
		*all = ev.Args
		return value, nil
	}
	if err := ev.Args.Decode(0, &value); err != nil {
		return value, fmt.Errorf("event %.128q: %w", ev.Name, err)
	}
	return value, nil
}

// Decode decodes argument i of an answer or an event as a T; see Args.Decode.
func Decode[T any](args Args, i int) (T, error) { return event.Decode[T](args, i) }

// DataOf returns what SetData has stored with the socket, if it is a T.
func DataOf[T any](s *Socket) (T, bool) {
	value, ok := s.Data().(T)
	return value, ok
}

// Listener has the functions of OnAny, OnDisconnecting and OnDisconnect in one value, which takes
// less memory if there are many sockets. Its methods are called like handlers, before them.
type Listener interface {
	// OnEvent is called for each event, also one that comes after the socket has left.
	OnEvent(*Event)
	OnDisconnecting(reason string)
	OnDisconnect(reason string)
	// OnAck is called for each acknowledgement of the client, also one that nobody waits for, and
	// perhaps while a handler runs. If it returns false, the acknowledgement is dropped.
	OnAck(Args) bool
	// OnEnd is called when the socket ends, however that happens, even if it never was connected.
	// It may be called twice, and must not block.
	OnEnd()
}

// Listen sets the socket's listener, and replaces the previous one; nil removes it.
func (s *Socket) Listen(l Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
}

// ConnectionListeners returns the listeners of all sockets of the connection, including this one.
func (s *Socket) ConnectionListeners() []Listener {
	var all []Listener
	for _, other := range s.conn.Sockets() {
		if l := other.socket().Listener(); l != nil {
			all = append(all, l)
		}
	}
	return all
}

// Listener returns what Listen has set.
func (s *Socket) Listener() Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}
