// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Outline is what is known of an expression about an event before it is evaluated. Most build a
// list or a map of constants, arguments and the time: a caller that knows that can write the value
// as JSON without making it first. One of the fields describes the expression; Program evaluates it
// in any case.
type Outline struct {
	// Constant is its value, whatever the event; nil if that is not known.
	Constant ref.Val
	// Variable is the name of the variable, if the expression is only a variable; empty otherwise.
	Variable string
	// Argument means that the expression is args[Index].
	Argument bool
	Index    int
	// Data is the name of the field of socket.data, if the expression is one; empty otherwise.
	Data string
	// List has the elements of a list that the expression builds; nil if it builds none.
	List []Outline
	// Map has the members of a map that the expression builds, by their names; nil if it builds
	// none.
	Map []OutlineMember

	Program cel.Program
}

// OutlineMember is a member of a map.
type OutlineMember struct {
	Name  string
	Value Outline
}

// CompileOutline is Compile, with the outline of the expression.
func CompileOutline(kind Kind, source string) (Outline, error) {
	env, checked, err := check(kind, source)
	if err != nil {
		return Outline{}, err
	}
	o := outliner{env, checked.NativeRep(), source}
	return o.of(o.ast.Expr())
}

// outliner makes outlines of parts of an expression.
type outliner struct {
	env    *cel.Env
	ast    *ast.AST
	source string
}

func (o outliner) of(e ast.Expr) (Outline, error) {
	program, err := plan(o.env, ast.NewCheckedAST(ast.NewAST(e, o.ast.SourceInfo()), o.ast.TypeMap(), o.ast.ReferenceMap()), o.source)
	if err != nil {
		return Outline{}, err
	}
	out := Outline{Program: program}
	switch e.Kind() {
	case ast.LiteralKind:
		out.Constant = e.AsLiteral()
	case ast.IdentKind:
		out.Variable = e.AsIdent()
	case ast.CallKind:
		out.Index, out.Argument = argument(e.AsCall())
	case ast.SelectKind:
		out.Data = dataField(e.AsSelect())
	case ast.ListKind:
		err = o.list(&out, e.AsList())
	case ast.MapKind:
		err = o.members(&out, e.AsMap())
	}
	return out, err
}

// argument reports whether a call is args[index].
func argument(call ast.CallExpr) (index int, ok bool) {
	if call.FunctionName() != operators.Index || len(call.Args()) != 2 {
		return 0, false
	}
	of, at := call.Args()[0], call.Args()[1]
	if of.Kind() != ast.IdentKind || of.AsIdent() != Args || at.Kind() != ast.LiteralKind {
		return 0, false
	}
	n, ok := at.AsLiteral().(types.Int)
	return int(n), ok && n >= 0
}

// dataField returns the name of the selected field of socket.data; empty if it is something else.
func dataField(field ast.SelectExpr) string {
	if field.IsTestOnly() || field.Operand().Kind() != ast.SelectKind {
		return ""
	}
	data := field.Operand().AsSelect()
	if data.FieldName() != "data" || data.Operand().Kind() != ast.IdentKind || data.Operand().AsIdent() != Socket {
		return ""
	}
	return field.FieldName()
}

func (o outliner) list(out *Outline, l ast.ListExpr) error {
	if len(l.OptionalIndices()) > 0 {
		return nil
	}
	elements := make([]Outline, 0, len(l.Elements()))
	for _, e := range l.Elements() {
		element, err := o.of(e)
		if err != nil {
			return err
		}
		elements = append(elements, element)
	}
	out.List = elements
	return nil
}

// members leaves a map without an outline if its names are not known, or not distinct: only the
// evaluation determines the result.
func (o outliner) members(out *Outline, m ast.MapExpr) error {
	members := make([]OutlineMember, 0, len(m.Entries()))
	for _, e := range m.Entries() {
		entry := e.AsMapEntry()
		name, ok := literalString(entry.Key())
		if !ok || entry.IsOptional() || slices.ContainsFunc(members, func(other OutlineMember) bool { return other.Name == name }) {
			return nil
		}
		value, err := o.of(entry.Value())
		if err != nil {
			return err
		}
		members = append(members, OutlineMember{name, value})
	}
	slices.SortFunc(members, func(a, b OutlineMember) int { return cmp.Compare(a.Name, b.Name) })
	out.Map = members
	return nil
}

func literalString(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// plan compiles a checked expression. source is for errors.
func plan(env *cel.Env, checked *ast.AST, source string) (cel.Program, error) {
	rounds := map[int64]int{}
	weight := weigh(checked.Expr(), rounds)
	if err := fits(checked.Expr(), rounds); err != nil {
		return nil, err
	}
	planned, err := env.PlanProgram(checked, cel.EvalOptions(cel.OptOptimize), bounded(env, rounds))
	if err != nil {
		return nil, fmt.Errorf("plan the expression: %w", err)
	}
	return &program{planned, source, weight}, nil
}
