// SPDX-License-Identifier: Apache-2.0

// Package observation is what can be seen of a running program: which of its conditions were
// evaluated, with what result, and which of its handlers have run.
package observation

import (
	"context"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

// Kind is what is at a place of a manifest.
type Kind string

const (
	// Handler is a handler. It is observed when its first action begins.
	Handler Kind = "handler"
	// Condition decides something by true or false.
	Condition Kind = "condition"
	// Value yields any other value.
	Value Kind = "value"
)

// Site is a place of a manifest that a program evaluates or runs.
type Site struct {
	// Path is the place, such as spec.namespaces[1].rooms[0].allow.join.
	Path string
	Kind Kind
	// About is the event of a handler, the pattern of a room, or the name of an entry.
	About string
	// Source is the expression, of the kind Expression; empty for a handler.
	Source     string
	Expression expression.Kind
}

// ConditionAt is the place of a condition.
func ConditionAt(path, about, source string, kind expression.Kind) Site {
	return Site{path, Condition, about, source, kind}
}

// ValueAt is the place of another expression.
func ValueAt(path, about, source string, kind expression.Kind) Site {
	return Site{path, Value, about, source, kind}
}

// Observation is one evaluation, or run of a handler.
type Observation struct {
	*Site
	// Vars are the variables. They are valid until observe returns; nil for a handler.
	Vars   cel.Activation
	Result ref.Val
	Err    error
}

// Observer puts itself around expressions.
type Observer struct {
	// Observe is called after each evaluation, in its goroutine.
	Observe func(Observation)
	// Sites are the places that it observes.
	Sites []*Site
}

// Wrap observes an expression, if there is one.
func (o *Observer) Wrap(program *cel.Program, site Site) {
	if *program != nil {
		*program = o.Wrapped(*program, o.Add(site))
	}
}

// Wrapped returns an expression that is observed, at a place that was added.
func (o *Observer) Wrapped(program cel.Program, site *Site) cel.Program {
	return observed{program, site, o.Observe}
}

// Add adds a place.
func (o *Observer) Add(site Site) *Site {
	o.Sites = append(o.Sites, &site)
	return &site
}

// observed is a program whose evaluations are told.
type observed struct {
	cel.Program
	site    *Site
	observe func(Observation)
}

func (p observed) Eval(vars any) (ref.Val, *cel.EvalDetails, error) {
	result, details, err := p.Program.Eval(vars)
	activation, _ := vars.(cel.Activation) // all of a gateway are
	p.observe(Observation{p.site, activation, result, err})
	return result, details, err
}

func (p observed) ContextEval(_ context.Context, vars any) (ref.Val, *cel.EvalDetails, error) {
	return p.Eval(vars)
}
