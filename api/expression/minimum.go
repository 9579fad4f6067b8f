// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// fits refuses an expression that needs more work than an event may cost, whatever the event.
func fits(e ast.Expr, rounds map[int64]int) error {
	m := minimum{rounds}
	if work, _ := m.of(e); work > WorkLimit {
		return fmt.Errorf("does at least %d units of work, and an event may cost %d: use shorter lists, or fewer loops within each other", work, WorkLimit)
	}
	return nil
}

// maxNesting is the maximum depth to which lists and maps may be nested. The time in which cel-go
// checks their types grows with the cube of it: 200 nested maps would take seconds.
const maxNesting = 32

func nesting(e ast.Expr) int {
	depth := 0
	inner := func(e ast.Expr) { depth = max(depth, nesting(e)) }
	switch e.Kind() {
	case ast.SelectKind:
		inner(e.AsSelect().Operand())
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			inner(e.AsCall().Target())
		}
		for _, operand := range e.AsCall().Args() {
			inner(operand)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			inner(element)
		}
		depth++
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			inner(entry.AsMapEntry().Key())
			inner(entry.AsMapEntry().Value())
		}
		depth++
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			inner(field.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		loop := e.AsComprehension() // map builds lists in its step
		inner(loop.IterRange())
		inner(loop.LoopCondition())
		inner(loop.LoopStep())
		inner(loop.Result())
	}
	return depth
}

// minimum finds the least work of expressions, in units.
type minimum struct {
	// rounds is the result of weigh.
	rounds map[int64]int
}

// of returns the least work, and the least number of elements if the expression yields a list.
func (m minimum) of(e ast.Expr) (work, size int) {
	switch e.Kind() {
	case ast.SelectKind:
		work, _ = m.of(e.AsSelect().Operand())
	case ast.CallKind:
		return m.call(e.AsCall())
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			w, _ := m.of(element)
			work = sum(work, w)
		}
		return work, len(e.AsList().Elements()) - len(e.AsList().OptionalIndices())
	case ast.ComprehensionKind:
		return m.loop(e.AsComprehension())
	}
	return work, 0
}

func (m minimum) call(call ast.CallExpr) (work, size int) {
	operands := call.Args()
	if call.IsMemberFunction() {
		operands = append([]ast.Expr{call.Target()}, operands...)
	}
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.Conditional:
		operands = operands[:1] // the others may not be evaluated
	}
	for i, operand := range operands {
		w, s := m.of(operand)
		work = sum(work, w)
		if i == 0 {
			size = s
		}
	}
	switch call.FunctionName() {
	case "lists.range":
		size = literalInt(operands[0])
		return sum(work, size*elementWork), size
	case "reverse", "sort", "@sortByAssociatedKeys", operators.Add, string(toComputed), string(toScalar), string(toOrdered), string(toSortable), string(toRestored):
		return work, size
	}
	return work, 0
}

// loop counts the rounds of a loop that does not end early: its condition is a literal.
func (m minimum) loop(l ast.ComprehensionExpr) (work, size int) {
	work, size = m.of(l.IterRange())
	condition := l.LoopCondition()
	if condition.Kind() == ast.CallKind && condition.AsCall().FunctionName() == string(toLoop) {
		condition = condition.AsCall().Args()[0]
	}
	if condition.Kind() != ast.LiteralKind || condition.AsLiteral() != types.True {
		return work, 0
	}
	step, _ := m.of(l.LoopStep())
	if size > 0 {
		work = sum(work, min(size, WorkLimit+1)*min(step+m.rounds[l.LoopCondition().ID()], WorkLimit+1))
	}
	if appends(l.LoopStep()) {
		return work, size
	}
	return work, 0
}

// appends reports whether a loop's step adds an element in each round, like that of map.
func appends(step ast.Expr) bool {
	return step.Kind() == ast.CallKind && step.AsCall().FunctionName() == operators.Add
}

// literalInt returns the number of elements that a literal determines; 0 if none does.
func literalInt(e ast.Expr) int {
	if e.Kind() != ast.LiteralKind {
		return 0
	}
	n, _ := e.AsLiteral().(types.Int)
	return int(max(0, min(n, WorkLimit+1)))
}

// sum stays within the range of an int.
func sum(x, y int) int { return min(x+y, 1<<62) }
