// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/interpreter"
)

// CEL's cost tracker keeps the values of operands on a stack, and looks for the value of each
// variable from the top down. A loop leaves two values behind in each round, those of its condition
// and of its step, so every look takes longer than the one before: a list of 50,000 elements takes
// seconds. Therefore each condition is a call of @loop, whose operands, for the tracker, include what
// the round before has left behind; it drops them.

// withoutResidue is an option for a program with loops. The expression has been converted.
func withoutResidue(checked *ast.AST) cel.ProgramOption {
	steps := map[int64]int64{} // by the condition
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			loop := e.AsComprehension()
			steps[loop.LoopCondition().ID()] = loop.LoopStep().ID()
		}
	}))
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		call, ok := i.(interpreter.InterpretableCall)
		if !ok || call.Function() != string(toLoop) {
			return i, nil
		}
		return &loopCondition{call, steps[call.ID()]}, nil
	})
}

// loopCondition is a call of @loop. step is the id of the loop's step.
type loopCondition struct {
	interpreter.InterpretableCall
	step int64
}

// Args are what the tracker drops, in the order in which it has come: the condition and the step of
// the round before, and the value of this round's condition.
func (c *loopCondition) Args() []interpreter.InterpretableV2 {
	own := c.InterpretableCall.Args()
	return append([]interpreter.InterpretableV2{residue{id: c.ID()}, residue{id: c.step}}, own...)
}

// residue names a value on the tracker's stack. It is never evaluated.
type residue struct {
	interpreter.InterpretableV2
	id int64
}

// ID is that of the expression that the value is from.
func (r residue) ID() int64 { return r.id }
