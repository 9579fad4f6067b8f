// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/parser"
)

// passing are functions whose result may be or contain one of their operands.
var passing = map[string]bool{
	"dyn": true, "slice": true, "reverse": true, "flatten": true, "first": true, "last": true,
	"sort": true, "distinct": true, "@sortByAssociatedKeys": true,
	string(toScalar): true, string(toSearched): true, string(toOrdered): true, string(toSortable): true, string(toRestored): true,
}

// isNative reports whether the value of an expression is certainly CEL's own, with nothing relayed
// in it. Its type does not determine that: to the checker, `true ? args[0] : 1.0` is a double.
func (c converter) isNative(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.IdentKind:
		return !c.loops[e.AsIdent()] && !holdsDyn(c.ast.GetType(e.ID()))
	case ast.SelectKind:
		return e.AsSelect().IsTestOnly() || c.isNativeField(e)
	case ast.CallKind:
		return c.isNativeCall(e)
	case ast.ListKind:
		return c.areNative(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			if !c.isNative(entry.AsMapEntry().Value()) {
				return false
			}
		}
		return true
	}
	return false
}

func (c converter) areNative(all []ast.Expr) bool {
	for _, e := range all {
		if !c.isNative(e) {
			return false
		}
	}
	return true
}

// isNativeField returns true for the declared fields of our types, and what is in these.
func (c converter) isNativeField(e ast.Expr) bool {
	return c.isNative(e.AsSelect().Operand()) && !holdsDyn(c.ast.GetType(e.ID()))
}

func (c converter) isNativeCall(e ast.Expr) bool {
	call := e.AsCall()
	switch name := call.FunctionName(); {
	case passing[name]:
		return false
	case name == operators.Conditional:
		return c.areNative(call.Args()[1:])
	case name == operators.Index:
		return c.isNative(call.Args()[0]) && !holdsDyn(c.ast.GetType(e.ID()))
	case name == operators.Add: // of lists, unless more is known
		return c.areNative(call.Args()) || isScalar(c.ast.GetType(e.ID()))
	}
	return true
}

// isList reports that an expression whose type is a list cannot be anything else.
func (c converter) isList(e ast.Expr) bool {
	switch e.Kind() {
	case ast.ListKind:
		return true
	case ast.IdentKind:
		return !c.loops[e.AsIdent()] || e.AsIdent() == parser.HiddenAccumulatorName
	}
	return false
}

func isScalar(t *types.Type) bool {
	switch t.Kind() {
	case types.DynKind, types.AnyKind, types.TypeParamKind, types.ListKind, types.MapKind:
		return false
	}
	return true
}

func holdsDyn(t *types.Type) bool {
	if t.Kind() == types.DynKind {
		return true
	}
	for _, of := range t.Parameters() {
		if holdsDyn(of) {
			return true
		}
	}
	return false
}

func loopVariables(a *ast.AST) map[string]bool {
	variables := map[string]bool{}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			loop := e.AsComprehension()
			variables[loop.IterVar()], variables[loop.IterVar2()], variables[loop.AccuVar()] = true, true, true
		}
	}))
	return variables
}
