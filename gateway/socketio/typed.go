// SPDX-License-Identifier: Apache-2.0

package socketio

import "fmt"

// On adds a handler for an event whose first argument is a T: any type that encoding/json decodes, []byte for a binary one,
// or Args for all arguments as they are. An event that is no T goes to the OnError handlers instead.
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

// OnAck is On for an event that asks for an acknowledgement: what the handler returns is the answer. An error goes to the
// OnError handlers, and to the client as {"error": "…"} with its text. So does an argument that is no T.
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

// replyOnce answers a client that waits; the handlers of others do not care.
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

// Decode reads argument i of an answer or an event as a T; see Args.Decode.
func Decode[T any](args Args, i int) (T, error) {
	var value T
	err := args.Decode(i, &value)
	return value, err
}

// DataOf is what SetData has stored with the socket, if that is a T.
func DataOf[T any](s *Socket) (T, bool) {
	value, ok := s.Data().(T)
	return value, ok
}
