// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"errors"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// Work is the name under which an activation supplies its *Budget. No source can name it: '@'
// begins no identifier.
const Work = "@work"

// budgetOf returns the budget of an evaluation; nil while constants are folded.
func budgetOf(vars cel.Activation) *Budget {
	v, _ := vars.ResolveName(Work)
	b, _ := v.(*Budget)
	return b
}

// program is a compiled expression whose work is charged to the budget of its event or handshake.
type program struct {
	cel.Program
	source string
	// weight is the work outside of loops, in units, without that of functions.
	weight int
}

// ContextEval is Eval: the budget ends an evaluation.
func (p *program) ContextEval(_ context.Context, vars any) (ref.Val, *cel.EvalDetails, error) {
	return p.Eval(vars)
}

// Eval evaluates the expression. Variables without a budget get one for this evaluation.
func (p *program) Eval(vars any) (v ref.Val, details *cel.EvalDetails, err error) {
	activation, ok := vars.(cel.Activation)
	if !ok {
		if activation, err = cel.NewActivation(vars); err != nil {
			return nil, nil, err
		}
	}
	b := budgetOf(activation)
	if b == nil {
		b = &Budget{}
		activation = alone{activation, b}
	}
	if b.spent += p.weight; b.spent > b.most() {
		return nil, nil, &WorkError{p.source, b.most()}
	}
	v, details, err = p.Program.Eval(activation)
	if err != nil && isOverwork(err) {
		err = &WorkError{p.source, b.most()}
	}
	return v, details, err
}

func isOverwork(err error) bool {
	var cancelled interpreter.EvalCancelledError
	return errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded
}

// alone are the variables of an evaluation that belongs to no event.
type alone struct {
	cel.Activation
	budget *Budget
}

func (a alone) ResolveName(name string) (any, bool) {
	if name == Work {
		return a.budget, true
	}
	return a.Activation.ResolveName(name)
}

// nodeWork is the cost of an operation: a variable, a field, a call, a literal.
const (
	nodeWork = 2
	// makeWork is the additional cost of a list, a map or a loop.
	makeWork = 8
)

// weigh counts the operations of an expression once. The operations of a loop's rounds are charged
// by the loop: rounds has them by the id of its condition.
func weigh(e ast.Expr, rounds map[int64]int) int {
	work := nodeWork
	switch e.Kind() {
	case ast.SelectKind:
		work += weigh(e.AsSelect().Operand(), rounds)
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			work += weigh(call.Target(), rounds)
		}
		work += weighAll(call.Args(), rounds)
	case ast.ListKind:
		work += makeWork + weighAll(e.AsList().Elements(), rounds)
	case ast.MapKind:
		work += makeWork * (1 + len(e.AsMap().Entries()))
		for _, entry := range e.AsMap().Entries() {
			work += weigh(entry.AsMapEntry().Key(), rounds) + weigh(entry.AsMapEntry().Value(), rounds)
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			work += weigh(field.AsStructField().Value(), rounds)
		}
	case ast.ComprehensionKind:
		loop := e.AsComprehension()
		work += makeWork + weigh(loop.IterRange(), rounds) + weigh(loop.AccuInit(), rounds) + weigh(loop.Result(), rounds)
		rounds[loop.LoopCondition().ID()] = weigh(loop.LoopCondition(), rounds) + weigh(loop.LoopStep(), rounds)
	}
	return work
}

func weighAll(all []ast.Expr, rounds map[int64]int) int {
	work := 0
	for _, e := range all {
		work += weigh(e, rounds)
	}
	return work
}

// loopRound is the condition of a loop. It pays for the round that it begins.
type loopRound struct {
	interpreter.InterpretableV2 // the compiled condition of the author
	id                          int64
	work                        int
}

// ID returns the id of the call of @loop.
func (l *loopRound) ID() int64 { return l.id }

// Exec begins a round.
func (l *loopRound) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	budgetOf(frame).Charge(l.work)
	return l.InterpretableV2.Exec(frame)
}

// Eval begins a round.
func (l *loopRound) Eval(vars cel.Activation) ref.Val { return l.Exec(interpreter.AsFrame(vars)) }
