// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// charge pays for a call of a function before the call. Missing operands are nil; a target is the
// first operand. No function whose work depends on its operands has more than four.
type charge func(b *Budget, operands [4]ref.Val)

// implementation is a function of our own that pays during its work.
type implementation func(b *Budget, x, y ref.Val) ref.Val

// bounded is an option for a program: everything that takes more than constant time is charged to
// the budget of the event. rounds is the result of weigh.
func bounded(env *cel.Env, rounds map[int64]int) cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok {
			return i, nil
		}
		name := call.Function()
		switch {
		case name == string(toLoop):
			return &loopRound{call.Args()[0], call.ID(), rounds[call.ID()]}, nil
		case name == "matches":
			return boundedMatch(call)
		case isConstantSearch(call):
			return i, nil // the planner makes a hash table of it
		}
		if own := implementations[name]; own != nil {
			return &ownCall{call, call.Args(), own}, nil
		}
		pay := charges[name]
		if pay == nil {
			return i, nil
		}
		impl, err := bindingOf(env, call)
		if err != nil || impl == nil {
			return i, err
		}
		return &boundedCall{call, call.Args(), pay, impl}, nil
	})
}

// bindingOf returns the overload of a call, or the function that finds one, like the planner of
// cel-go.
func bindingOf(env *cel.Env, call interpreter.InterpretableCall) (*functions.Overload, error) {
	declared := env.Functions()[call.Function()]
	bindings, err := declared.Bindings()
	if err != nil {
		return nil, err
	}
	var found *functions.Overload
	for _, b := range bindings {
		if b.Operator == call.OverloadID() {
			return b, nil
		}
		if b.Operator == call.Function() {
			found = b
		}
	}
	return found, nil
}

// boundedCall is a call that pays before it is made.
type boundedCall struct {
	interpreter.InterpretableCall
	args []interpreter.InterpretableV2
	pay  charge
	impl *functions.Overload
}

// Exec evaluates the operands, pays, and calls.
func (c *boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	var operands [4]ref.Val
	for i, arg := range c.args {
		v := arg.Exec(frame)
		if types.IsUnknownOrError(v) {
			return v
		}
		if i < len(operands) {
			operands[i] = v
		}
	}
	c.pay(budgetOf(frame), operands)
	return types.LabelErrNode(c.ID(), c.call(operands))
}

func (c *boundedCall) call(operands [4]ref.Val) ref.Val {
	if trait := c.impl.OperandTrait; trait != 0 && !operands[0].Type().HasTrait(trait) {
		return types.MaybeNoSuchOverloadErr(operands[0])
	}
	switch n := len(c.args); {
	case n == 1 && c.impl.Unary != nil:
		return c.impl.Unary(operands[0])
	case n == 2 && c.impl.Binary != nil:
		return c.impl.Binary(operands[0], operands[1])
	case c.impl.Function != nil && n <= len(operands):
		return c.impl.Function(append([]ref.Val(nil), operands[:n]...)...) // operands stay on the stack
	}
	return types.NewErr("no such overload: %s", c.Function())
}

// Eval is Exec.
func (c *boundedCall) Eval(vars cel.Activation) ref.Val { return c.Exec(interpreter.AsFrame(vars)) }

// ownCall is a call of an implementation of ours, with one or two operands.
type ownCall struct {
	interpreter.InterpretableCall
	args []interpreter.InterpretableV2
	impl implementation
}

// Exec evaluates the operands, and calls.
func (c *ownCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	x := c.args[0].Exec(frame)
	if types.IsUnknownOrError(x) {
		return x
	}
	var y ref.Val
	if len(c.args) > 1 {
		if y = c.args[1].Exec(frame); types.IsUnknownOrError(y) {
			return y
		}
	}
	return types.LabelErrNode(c.ID(), c.impl(budgetOf(frame), x, y))
}

// Eval is Exec.
func (c *ownCall) Eval(vars cel.Activation) ref.Val { return c.Exec(interpreter.AsFrame(vars)) }
