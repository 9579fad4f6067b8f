// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// CheckParams returns an error, with its place, if an expression that compiles takes a member of
// room.params or socket.params that is not among names: it could only fail. Asking whether there is
// one, by has, is allowed.
func CheckParams(kind Kind, source, variable string, names []string) error {
	if !strings.Contains(source, "params") {
		return nil // like nearly all
	}
	_, checked, err := check(kind, source)
	if err != nil {
		return nil //nolint:nilerr // Compile reports it
	}
	tree := checked.NativeRep()
	for _, e := range ast.MatchDescendants(ast.NavigateAST(tree), ast.AllMatcher()) {
		name, ok := memberOfParams(e, variable)
		if !ok || slices.Contains(names, name) {
			continue
		}
		place := fmt.Sprintf("column %d", tree.SourceInfo().GetStartLocation(e.ID()).Column()+1)
		if len(names) == 0 {
			return fmt.Errorf("%s: %s.params has no member %.64q, and no other", place, variable, name)
		}
		return fmt.Errorf("%s: %s.params has no member %.64q, but %q", place, variable, name, names)
	}
	return nil
}

// memberOfParams returns the name of the member of a variable's params that an expression takes.
func memberOfParams(e ast.Expr, variable string) (name string, ok bool) {
	var operand ast.Expr
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() {
			return "", false
		}
		operand, name = s.Operand(), s.FieldName()
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || call.Args()[1].Kind() != ast.LiteralKind {
			return "", false
		}
		key, isString := call.Args()[1].AsLiteral().(types.String)
		if !isString {
			return "", false
		}
		operand, name = call.Args()[0], string(key)
	default:
		return "", false
	}
	if operand.Kind() != ast.SelectKind {
		return "", false
	}
	params := operand.AsSelect()
	return name, params.FieldName() == "params" && !params.IsTestOnly() &&
		params.Operand().Kind() == ast.IdentKind && params.Operand().AsIdent() == variable
}
