// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// roomNames is an expression for rooms.
type roomNames struct {
	program cel.Program
	// constant are the rooms if they are always the same.
	constant []string
	// argument: they are those of args[index].
	argument bool
	index    int
}

func compileRoomNames(source string) (*roomNames, error) {
	outline, err := expression.CompileOutline(expression.Rooms, source)
	if err != nil {
		return nil, err
	}
	n := &roomNames{program: outline.Program, argument: outline.Argument, index: outline.Index}
	if outline.Constant != nil {
		n.constant, err = roomsOf(outline.Constant, nil)
	}
	return n, err
}

// rooms evaluates to names of rooms, which are not to be changed.
func (r *run) rooms(n *roomNames) ([]string, error) {
	if n.constant != nil {
		return n.constant, nil
	}
	if n.argument {
		if raw := r.argument(n.index); len(raw) > 0 && raw[0] == '"' {
			return []string{celvalue.Unquote(raw)}, nil
		}
	}
	v, err := r.eval(n.program)
	if err != nil {
		return nil, err
	}
	return roomsOf(v, &r.budget)
}

func compileRooms(sources []v1alpha1.Expression) ([]*roomNames, error) {
	var rooms []*roomNames
	for _, source := range sources {
		names, err := compileRoomNames(string(source))
		if err != nil {
			return nil, err
		}
		rooms = append(rooms, names)
	}
	return rooms, nil
}

// joined are the rooms of several expressions together; nil if there are none.
func (r *run) joined(expressions []*roomNames) ([]string, error) {
	switch len(expressions) {
	case 0:
		return nil, nil
	case 1:
		return r.rooms(expressions[0])
	}
	all := []string{}
	for _, names := range expressions {
		rooms, err := r.rooms(names)
		if err != nil {
			return nil, err
		}
		all = append(all, rooms...)
	}
	return all, nil
}

// targetWork is what a room costs that is joined, left or sent to: a look-up and a message.
const targetWork = 300

func roomsOf(v ref.Val, b *expression.Budget) ([]string, error) {
	switch v := b.Computed(v).(type) {
	case types.String:
		return []string{string(v)}, nil
	case traits.Lister:
		return roomList(v, b)
	default:
		return nil, yielded(v, "a string or a list of strings")
	}
}

func roomList(list traits.Lister, b *expression.Budget) ([]string, error) {
	rooms := []string{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		room, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("must yield a list of strings, and one of its values is none")
		}
		b.Charge(targetWork)
		rooms = append(rooms, string(room))
	}
	return rooms, nil
}
