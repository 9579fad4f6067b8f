// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"github.com/google/cel-go/parser"
)

// Part is a part of an expression with its value in one evaluation.
type Part struct {
	// Text is the part as CEL prints it, which may differ from the source in spaces and
	// parentheses.
	Text string
	// Depth is how many parts it is within; 0 for the whole expression.
	Depth int
	// Value is nil if the part was not evaluated, such as the right side of a && whose left side is
	// false. It may be an error (types.IsError).
	Value ref.Val
}

// Explain evaluates an expression as a program of Compile does, with a budget of its own, and
// returns its parts in the order of the source, the whole first. Constants and variables are left
// out, and so is what a loop does in its rounds: it has a value for each.
func Explain(kind Kind, source string, vars cel.Activation) ([]Part, error) {
	env, checked, err := check(kind, source)
	if err != nil {
		return nil, err
	}
	rounds := map[int64]int{}
	weigh(checked.NativeRep().Expr(), rounds)
	planned, err := env.PlanProgram(checked.NativeRep(), cel.EvalOptions(cel.OptTrackState), bounded(env, rounds))
	if err != nil {
		return nil, fmt.Errorf("plan the expression: %w", err)
	}
	printed, err := printable(kind, source)
	if err != nil {
		return nil, err
	}
	_, details, err := planned.Eval(alone{vars, &Budget{}})
	if details == nil {
		return nil, err // before anything was evaluated
	}
	e := explainer{state: details.State(), info: printed.NativeRep().SourceInfo()}
	e.part(printed.NativeRep().Expr(), checked.NativeRep().Expr(), 0)
	return e.parts, nil
}

// printable parses an expression so that its parts can be printed: with its macros.
func printable(kind Kind, source string) (*cel.Ast, error) {
	env, err := environmentOf(kind)
	if err != nil {
		return nil, err
	}
	if env, err = env.Extend(cel.EnableMacroCallTracking()); err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, mistakes(issues)
	}
	return parsed, nil
}

// oneLine is a column that no expression reaches.
const oneLine = 1 << 30

// explainer walks an expression as it was written together with the one that was evaluated, which
// has conversions around some operands.
type explainer struct {
	state interpreter.EvalState
	info  *ast.SourceInfo
	parts []Part
}

// part adds a part and those within it.
func (e *explainer) part(written, evaluated ast.Expr, depth int) {
	evaluated = withoutConversion(evaluated)
	if written.Kind() == ast.LiteralKind || written.Kind() == ast.IdentKind {
		return
	}
	value, known := e.state.Value(evaluated.ID())
	if !known {
		value = nil
	}
	e.parts = append(e.parts, Part{e.text(written), depth, value})
	operands, values := within(written), within(evaluated)
	for i := range min(len(operands), len(values)) {
		e.part(operands[i], values[i], depth+1)
	}
}

func (e *explainer) text(x ast.Expr) string {
	text, err := parser.Unparse(x, e.info, parser.WrapOnColumn(oneLine))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return text
}

// withoutConversion returns what a conversion converts.
func withoutConversion(x ast.Expr) ast.Expr {
	for x.Kind() == ast.CallKind {
		call := x.AsCall()
		if _, added := converters[conversion(call.FunctionName())]; !added {
			break
		}
		x = call.Args()[0]
	}
	return x
}

// within are the parts of an expression, in the order of the source.
func within(x ast.Expr) []ast.Expr {
	switch x.Kind() {
	case ast.SelectKind:
		return []ast.Expr{x.AsSelect().Operand()}
	case ast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.ListKind:
		return x.AsList().Elements()
	case ast.MapKind:
		var all []ast.Expr
		for _, entry := range x.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return all
	case ast.ComprehensionKind:
		return []ast.Expr{x.AsComprehension().IterRange()}
	}
	return nil
}
