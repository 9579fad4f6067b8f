// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
)

// lastingFields are the fields of a socket that stay as they are from its connection on, or as long
// as it has the same identity and the same data.
var lastingFields = []string{"id", "namespace", "params", "user", "claims", "data", "recovered", "handshake"}

// changing are the variables that differ from one evaluation to the next.
var changing = []string{Event, Args, Now, Answers, Missing, Joined, Counts, Revision, Request, Claims}

// CompileLasting is Compile. lasting reports whether the outcome is the same for a socket and a
// room for as long as the socket has the same identity and data, so that it need not be evaluated
// again.
func CompileLasting(kind Kind, source string) (program cel.Program, lasting bool, err error) {
	env, checked, err := check(kind, source)
	if err != nil {
		return nil, false, err
	}
	program, err = plan(env, checked.NativeRep(), source)
	return program, isLasting(ast.NavigateAST(checked.NativeRep())), err
}

// isLasting is false where that is not plain to see: for a variable of a loop that is named like
// one of the language, for example.
func isLasting(root ast.NavigableExpr) bool {
	for _, e := range ast.MatchDescendants(root, ast.KindMatcher(ast.IdentKind)) {
		switch name := e.AsIdent(); {
		case slices.Contains(changing, name):
			return false
		case name == Socket:
			parent, ok := e.Parent()
			if !ok || parent.Kind() != ast.SelectKind || !slices.Contains(lastingFields, parent.AsSelect().FieldName()) {
				return false
			}
		}
	}
	return true
}
