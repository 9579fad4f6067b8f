// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// Kind is the required result of an expression.
type Kind int

const (
	// Condition yields a bool.
	Condition Kind = iota
	// Value yields anything that JSON can represent, or bytes.
	Value
	// List yields a list.
	List
	// Rooms yields the name of a room or a list of names.
	Rooms
	// AutoJoin is Rooms about a socket that connects, with the variables `socket` and `now`.
	AutoJoin
	// Text yields a string.
	Text
	// Member is a value about a member of a room, with the variables `socket`, `room` and `now`.
	Member
	// Access is a condition about a socket and a room: it sees what Member sees.
	Access
	// Admission is a condition about a handshake, with the variables `request` and `now`.
	Admission
	// Client is a condition about a client whose token is valid, with the variables `claims`,
	// `request`, `socket` and `now`.
	Client
	// User is a string about such a client.
	User
)

// wants describes the result, for people.
func (k Kind) wants() string {
	switch k {
	case Condition, Access, Admission, Client:
		return "a bool"
	case List:
		return "a list"
	case Rooms, AutoJoin:
		return "a string or a list of strings"
	case Text, User:
		return "a string"
	default:
		return "a value"
	}
}

// Compile checks and compiles an expression. Errors have the place of the mistake in the source.
func Compile(kind Kind, source string) (cel.Program, error) {
	env, checked, err := check(kind, source)
	if err != nil {
		return nil, err
	}
	return plan(env, checked.NativeRep(), source)
}

func check(kind Kind, source string) (*cel.Env, *cel.Ast, error) {
	env, err := environmentOf(kind)
	if err != nil {
		return nil, nil, fmt.Errorf("set up the expression language: %w", err)
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, nil, mistakes(issues)
	}
	if depth := nesting(parsed.NativeRep().Expr()); depth > maxNesting {
		return nil, nil, fmt.Errorf("builds %d lists and maps within each other, and may build %d", depth, maxNesting)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, nil, mistakes(issues)
	}
	if !kind.accepts(checked.OutputType()) {
		return nil, nil, fmt.Errorf("must yield %s, and yields %s", kind.wants(), checked.OutputType())
	}
	converted, err := withConversions(env, checked)
	return env, converted, err
}

// accepts reports whether a value of the type may be one of the kind; for a dyn only the evaluation
// can tell.
func (k Kind) accepts(t *cel.Type) bool {
	if t.Kind() == types.DynKind {
		return true
	}
	switch k {
	case Condition, Access, Admission, Client:
		return t.Kind() == types.BoolKind
	case List:
		return t.Kind() == types.ListKind
	case Rooms, AutoJoin:
		if t.Kind() == types.ListKind {
			element := t.Parameters()[0].Kind()
			return element == types.StringKind || element == types.DynKind || element == types.TypeParamKind
		}
		return t.Kind() == types.StringKind
	case Text, User:
		return t.Kind() == types.StringKind
	default:
		return t.Kind() != types.TypeKind && t.Kind() != types.StructKind
	}
}

// mistakes joins the compiler's errors, with their places. The first few are enough.
func mistakes(issues *cel.Issues) error {
	var texts []string
	for i, e := range issues.Errors() {
		if i == 3 {
			break
		}
		place := fmt.Sprintf("column %d", e.Location.Column()+1)
		if e.Location.Line() > 1 {
			place = fmt.Sprintf("line %d, %s", e.Location.Line(), place)
		}
		texts = append(texts, place+": "+strings.TrimSuffix(e.Message, " (in container '')"))
	}
	return errors.New(strings.Join(texts, "; "))
}
