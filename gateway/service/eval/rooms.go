// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"errors"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// RoomNames is a compiled expression for rooms. It does not change. Safe for concurrent use.
type RoomNames struct {
	program cel.Program
	// constant has the rooms if they are always the same.
	constant []string
	// argument reports whether the rooms are those of args[index].
	argument bool
	index    int
}

// Wrap replaces the program that is evaluated each time, even for rooms that are always the same.
// It is called before the first use.
func (n *RoomNames) Wrap(wrap func(cel.Program) cel.Program) {
	n.program, n.constant, n.argument = wrap(n.program), nil, false
}

// CompileRoomNames compiles an expression that yields the name of a room, or a list of them.
func CompileRoomNames(source string) (*RoomNames, error) {
	return compileRoomNames(expression.Rooms, source)
}

// CompileAutoJoin compiles such an expression about a socket that connects.
func CompileAutoJoin(source string) (*RoomNames, error) {
	return compileRoomNames(expression.AutoJoin, source)
}

func compileRoomNames(kind expression.Kind, source string) (*RoomNames, error) {
	outline, err := expression.CompileOutline(kind, source)
	if err != nil {
		return nil, err
	}
	n := &RoomNames{program: outline.Program, argument: outline.Argument, index: outline.Index}
	if outline.Constant != nil {
		n.constant, err = roomsOf(outline.Constant, nil)
	}
	return n, err
}

// Rooms evaluates to names of rooms, which must not be changed. Those of users are refused.
func (v *Variables) Rooms(n *RoomNames) ([]string, error) {
	rooms, err := v.Names(n)
	if err == nil {
		err = userroom.CheckNames(rooms)
	}
	if err != nil {
		return nil, err
	}
	return rooms, nil
}

// Names evaluates to names, of rooms or of others, which must not be changed.
func (v *Variables) Names(n *RoomNames) ([]string, error) {
	if n.constant != nil {
		return n.constant, nil
	}
	if n.argument {
		if raw := v.argument(n.index); len(raw) > 0 && raw[0] == '"' {
			return []string{celvalue.Unquote(raw)}, nil
		}
	}
	rooms, err := v.Eval(n.program)
	if err != nil {
		return nil, err
	}
	return roomsOf(rooms, &v.Budget)
}

// CompileRooms compiles several such expressions; nil if there are none.
func CompileRooms(sources []v1alpha1.Expression) ([]*RoomNames, error) {
	var rooms []*RoomNames
	for _, source := range sources {
		names, err := CompileRoomNames(string(source))
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, names)
	}
	return rooms, nil
}

// AllRooms evaluates to the rooms of several expressions together; nil if there are none. They must
// not be changed.
func (v *Variables) AllRooms(expressions []*RoomNames) ([]string, error) {
	switch len(expressions) {
	case 0:
		return nil, nil
	case 1:
		return v.Rooms(expressions[0])
	}
	all := []string{}
	for _, names := range expressions {
		rooms, err := v.Rooms(names)
		if err != nil {
			return nil, err
		}
		all = append(all, rooms...)
	}
	return all, nil
}

// roomWork is the work of joining, leaving or sending to a room: a look-up and a message.
const roomWork = 300

func roomsOf(v ref.Val, b *expression.Budget) ([]string, error) {
	switch v := b.Computed(v).(type) {
	case types.String:
		return []string{string(v)}, nil
	case traits.Lister:
		return roomList(v, b)
	default:
		return nil, wrongType(v, "a string or a list of strings")
	}
}

func roomList(list traits.Lister, b *expression.Budget) ([]string, error) {
	rooms := []string{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		room, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("must yield a list of strings, and one of its values is none")
		}
		b.Charge(roomWork)
		rooms = append(rooms, string(room))
	}
	return rooms, nil
}
