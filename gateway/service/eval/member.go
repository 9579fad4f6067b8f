// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// Member has the variables of presenceInfo and allow: a socket and a room. Not safe for concurrent
// use.
type Member struct {
	Variables *Variables
	Room      string
	// Params are what the named parts of the rule's pattern match in Room.
	Params map[string]string
}

var _ cel.Activation = (*Member)(nil)

// Eval evaluates what others see of the member.
func (m *Member) Eval(program cel.Program) (ref.Val, error) { return m.Variables.evaluate(program, m) }

// Condition evaluates to a bool.
func (m *Member) Condition(program cel.Program) (bool, error) {
	return condition(m.Eval(program))
}

// ResolveName returns the value of a variable.
func (m *Member) ResolveName(name string) (any, bool) {
	if name == expression.Room {
		return celvalue.Object{Declared: expression.RoomType, Field: m.roomField}, true
	}
	return m.Variables.ResolveName(name)
}

// Parent returns nil: there are no other variables.
func (m *Member) Parent() cel.Activation { return nil }

func (m *Member) roomField(name string) ref.Val {
	switch name {
	case "name":
		return types.String(m.Room)
	case "params":
		return types.NewStringStringMap(types.DefaultTypeAdapter, m.Params)
	default:
		return nil
	}
}
