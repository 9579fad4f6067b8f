// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// run is one event on its way through its handlers.
type run struct {
	variables
	event *socketio.Event // nil at connection, disconnecting and disconnect
}

// handle runs a handler: its steps in order, up to the first that fails.
func (r *run) handle(h *handler) error {
	if h.when != nil {
		met, err := r.condition(h.when)
		if err != nil {
			return fmt.Errorf("when: %w", err)
		}
		if !met {
			return nil
		}
	}
	for i, s := range h.steps {
		if err := s(r); err != nil {
			return fmt.Errorf("do[%d]: %w", i, err)
		}
	}
	return nil
}

// acknowledge answers the client when what the event has led to is safe: who has an answer need not ask again. One who wants
// none, or has its answer, gets none.
func acknowledge(ev *socketio.Event, args socketio.Args) {
	if ev.NeedsAck() {
		ev.Socket().Settle(func() { _ = ev.Ack(args) }) // fails only if the client has gone or has its answer
	}
}

func (r *run) needsAck() bool { return r.event != nil && r.event.NeedsAck() }

func (r *run) ack(args socketio.Args) {
	acknowledge(r.event, args)
}

func (r *run) eval(program cel.Program) (ref.Val, error) {
	v, _, err := program.Eval(&r.variables)
	return v, err
}

func (r *run) condition(program cel.Program) (bool, error) {
	v, err := r.eval(program)
	if err != nil {
		return false, err
	}
	met, ok := v.(types.Bool)
	if !ok {
		return false, yielded(v, "a bool")
	}
	return bool(met), nil
}

// list evaluates to arguments.
func (r *run) list(program cel.Program) (socketio.Args, error) {
	v, err := r.eval(program)
	if err != nil {
		return socketio.Args{}, err
	}
	if _, ok := v.(traits.Lister); !ok {
		return socketio.Args{}, yielded(v, "a list")
	}
	return encode(v)
}

// rooms evaluates to names of rooms.
func (r *run) rooms(program cel.Program) ([]string, error) {
	v, err := r.eval(program)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case types.String:
		return []string{string(v)}, nil
	case traits.Lister:
		return roomList(v)
	default:
		return nil, yielded(v, "a string or a list of strings")
	}
}

func roomList(list traits.Lister) ([]string, error) {
	rooms := []string{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		room, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("must yield a list of strings, and one of its values is none")
		}
		rooms = append(rooms, string(room))
	}
	return rooms, nil
}

func yielded(v ref.Val, want string) error {
	return fmt.Errorf("must yield %s, and yields %s", want, v.Type().TypeName())
}

// maxRooms is how many rooms a socket may be in: where clients name rooms, one could otherwise make as many as it likes,
// each with its subscription.
const maxRooms = 1000

func (r *run) join(rooms []string) error {
	if in := len(r.socket.Rooms()) - 1; in+len(rooms) > maxRooms { // its own does not count
		return fmt.Errorf("join: the socket is in %d rooms, and %d more would be beyond %d", in, len(rooms), maxRooms)
	}
	r.socket.Join(rooms...)
	return nil
}

// set evaluates all values, then writes them together.
func (r *run) set(names []string, programs []cel.Program) error {
	values := make([]ref.Val, len(names))
	for i, program := range programs {
		v, err := r.eval(program)
		if err == nil {
			values[i], err = keep(v)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", names[i], err)
		}
	}
	r.data = r.data.with(names, values)
	r.socket.SetData(r.data)
	return nil
}
