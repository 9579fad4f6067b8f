// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// conversion is a function that check adds to an expression. No source can name one: '@' begins no
// identifier. The empty one leaves an operand as it is.
type conversion string

const (
	keep       conversion = ""
	toScalar   conversion = "@scalar"
	toComputed conversion = "@computed"
	toCompared conversion = "@compared"
	toSearched conversion = "@searched"
	toSpelled  conversion = "@spelled"
	toOrdered  conversion = "@ordered"
	toSortable conversion = "@sortable"
	toRestored conversion = "@restored"
	// toLoop leaves a value as it is; see loopRound.
	toLoop conversion = "@loop"
)

var converters = map[conversion]func(ref.Val) ref.Val{
	toScalar: scalar, toComputed: Computed, toCompared: Compared, toSearched: searched,
	toSpelled: spelled, toOrdered: ordered, toSortable: sortable, toRestored: restored,
	toLoop: func(v ref.Val) ref.Val { return v },
}

// conversions declares them.
func conversions() []cel.EnvOption {
	var options []cel.EnvOption
	for name, convert := range converters {
		t := cel.TypeParamType("T")
		if name == toSpelled {
			t = cel.DynType // it makes a string of a double
		}
		options = append(options, cel.Function(string(name),
			cel.Overload(string(name), []*cel.Type{t}, t, cel.UnaryBinding(convert)), decls.DisableTypeGuards(true)))
	}
	return options
}

// operand is how functions convert their operands, if not by computed. A target is the first
// operand.
var operand = map[string][]conversion{
	operators.Conditional:      {keep},
	operators.LogicalAnd:       {keep},
	operators.LogicalOr:        {keep},
	operators.LogicalNot:       {keep},
	operators.NotStrictlyFalse: {keep},
	"dyn":                      {keep},
	"type":                     {keep},
	operators.Index:            {keep, toCompared},
	operators.Add:              {toScalar},
	"size":                     {toScalar},
	"slice":                    {toScalar},
	"reverse":                  {toScalar},
	"flatten":                  {toScalar},
	"first":                    {toScalar},
	"last":                     {toScalar},
	"@sortByAssociatedKeys":    {keep, toSortable},
	"sort":                     {toSortable},
	"distinct":                 {toOrdered},
	"string":                   {toSpelled},
	"int":                      {toCompared},
	"uint":                     {toCompared},
	"format":                   {toCompared},
	"math.@max":                {toCompared},
	"math.@min":                {toCompared},
	"sets.contains":            {toCompared},
	"sets.equivalent":          {toCompared},
	"sets.intersects":          {toCompared},
	operators.In:               {toCompared, toSearched},
	operators.Equals:           {toCompared},
	operators.NotEquals:        {toCompared},
	operators.Less:             {toCompared},
	operators.LessEquals:       {toCompared},
	operators.Greater:          {toCompared},
	operators.GreaterEquals:    {toCompared},
}

// operandOf returns the conversion of a function's operand i; the last one applies to all others.
func operandOf(function string, i int) conversion {
	all, special := operand[function]
	if !special {
		return toComputed
	}
	return all[min(i, len(all)-1)]
}

// converter adds conversions of relayed values to an expression, at the operands of functions.
// Indexing, selection, conditions, loops and the making of lists and maps need none: they pass
// values on.
type converter struct {
	*cel.OptimizerContext
	ast *ast.AST
	fac ast.ExprFactory
	// loops are the variables of loops, which may hide others.
	loops map[string]bool
}

// convertOperands is an optimizer because the result of an optimizer is checked again, which
// determines the types and overloads of the added calls.
type convertOperands struct{}

func (convertOperands) Optimize(ctx *cel.OptimizerContext, a *ast.AST) *ast.AST {
	c := converter{ctx, a, ast.NewExprFactory(), loopVariables(a)}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(c.visit))
	return a
}

func (c converter) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.CallKind:
		c.call(e, e.AsCall())
	case ast.MapKind:
		c.keys(e, e.AsMap())
	case ast.ComprehensionKind:
		c.loop(e, e.AsComprehension())
	}
}

func (c converter) call(e ast.Expr, call ast.CallExpr) {
	var operands []ast.Expr
	if call.IsMemberFunction() {
		operands = append(operands, call.Target())
	}
	operands = append(operands, call.Args()...)
	result := keep
	for i, o := range operands {
		conversion := operandOf(call.FunctionName(), i)
		operands[i] = c.convert(conversion, o)
		if (conversion == toOrdered || conversion == toSortable) && operands[i] != o {
			result = toRestored
		}
	}
	var converted ast.Expr
	if call.IsMemberFunction() {
		converted = c.fac.NewMemberCall(e.ID(), call.FunctionName(), operands[0], operands[1:]...)
	} else {
		converted = c.fac.NewCall(e.ID(), call.FunctionName(), operands...)
	}
	if result != keep {
		inner := c.NewCall("") // for its id
		inner.SetKindCase(converted)
		converted = c.fac.NewCall(e.ID(), string(result), inner)
	}
	e.SetKindCase(converted)
}

// loop marks the condition of a loop.
func (c converter) loop(e ast.Expr, l ast.ComprehensionExpr) {
	condition := c.NewCall(string(toLoop), l.LoopCondition())
	e.SetKindCase(c.fac.NewComprehensionTwoVar(e.ID(), l.IterRange(), l.IterVar(), l.IterVar2(), l.AccuVar(), l.AccuInit(),
		condition, l.LoopStep(), l.Result()))
}

// keys converts the names of a map that is built.
func (c converter) keys(e ast.Expr, m ast.MapExpr) {
	entries := m.Entries()
	for i, entry := range entries {
		member := entry.AsMapEntry()
		key := c.convert(toCompared, member.Key())
		entries[i] = c.fac.NewMapEntry(entry.ID(), key, member.Value(), member.IsOptional())
	}
	e.SetKindCase(c.fac.NewMap(e.ID(), entries))
}

func (c converter) convert(to conversion, o ast.Expr) ast.Expr {
	if to == keep || c.asItIs(to, o) {
		return o
	}
	return c.NewCall(string(to), o)
}

// asItIs reports whether a conversion would leave an operand as it is.
func (c converter) asItIs(to conversion, o ast.Expr) bool {
	kind := c.ast.GetType(o.ID()).Kind()
	switch to {
	case toSpelled:
		return kind != types.DoubleKind && c.isNative(o)
	case toScalar:
		return kind == types.ListKind && c.isList(o) || c.isNative(o)
	}
	return c.isNative(o)
}

// withConversions returns a checked expression whose operands are converted.
func withConversions(env *cel.Env, checked *cel.Ast) (*cel.Ast, error) {
	optimizer, err := cel.NewStaticOptimizer(convertOperands{})
	if err != nil {
		return nil, err
	}
	converted, issues := optimizer.Optimize(env, checked)
	if issues.Err() != nil {
		return nil, fmt.Errorf("convert operands: %w", issues.Err())
	}
	return converted, nil
}
