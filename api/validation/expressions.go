// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// use is an expression in its place.
type use struct {
	path   *field.Path
	kind   expression.Kind
	source v1alpha1.Expression
}

// available are the groups of late variables that there are.
type available [expression.Lates]bool

// lateReasons say when there are such variables.
var lateReasons = [expression.Lates]string{
	expression.LateAnswers: "answers and missing are there only behind an emit with ack",
	expression.LateJoined:  "joined is there only behind a joinOneOf",
	expression.LateCounts:  "counts is there only behind a count",

	expression.LateRevision: "revision is there only behind an emit with ifRevision",
}

// after adds what an action makes available.
func (a *available) after(action *v1alpha1.Action) {
	a[expression.LateAnswers] = a[expression.LateAnswers] || action.Emit != nil && action.Emit.Ack != nil
	a[expression.LateJoined] = a[expression.LateJoined] || action.JoinOneOf != nil
	a[expression.LateCounts] = a[expression.LateCounts] || action.Count != ""
	a[expression.LateRevision] = a[expression.LateRevision] || action.Emit != nil && action.Emit.IfRevision != ""
}

// validate checks the expression, which uses late variables only if they are available.
func (u use) validate(there available) field.ErrorList {
	errs := compile(nil, u.path, u.kind, u.source)
	if len(errs) > 0 {
		return errs
	}
	for late := range expression.Lates {
		if !there[late] && expression.Needs(late, string(u.source)) {
			errs = append(errs, field.Invalid(u.path, string(u.source), lateReasons[late]))
		}
	}
	return errs
}

func compile(errs field.ErrorList, path *field.Path, kind expression.Kind, source v1alpha1.Expression) field.ErrorList {
	if _, err := expression.Compile(kind, string(source)); err != nil {
		return append(errs, field.Invalid(path, string(source), err.Error()))
	}
	return errs
}

// expressionsOf returns the expressions of an action, in the order of its fields.
func expressionsOf(a *v1alpha1.Action, path *field.Path) []use {
	var uses []use
	add := func(path *field.Path, kind expression.Kind, source v1alpha1.Expression) {
		if source != "" {
			uses = append(uses, use{path, kind, source})
		}
	}
	add(path.Child("when"), expression.Condition, a.When)
	for _, name := range slices.Sorted(maps.Keys(a.Set)) {
		uses = append(uses, use{path.Child("set").Key(name), expression.Value, a.Set[name]})
	}
	if e := a.Emit; e != nil {
		add(path.Child("emit", "user"), expression.Rooms, e.User)
		for i, room := range e.Rooms {
			uses = append(uses, use{path.Child("emit", "rooms").Index(i), expression.Rooms, room})
		}
		for i, room := range e.Except {
			uses = append(uses, use{path.Child("emit", "except").Index(i), expression.Rooms, room})
		}
		add(path.Child("emit", "args"), expression.List, e.Args)
		add(path.Child("emit", "ifRevision"), expression.Value, e.IfRevision)
	}
	add(path.Child("join"), expression.Rooms, a.Join)
	if j := a.JoinOneOf; j != nil {
		uses = append(uses, use{path.Child("joinOneOf", "rooms"), expression.Rooms, j.Rooms})
	}
	add(path.Child("count"), expression.Rooms, a.Count)
	add(path.Child("leave"), expression.Rooms, a.Leave)
	add(path.Child("ack"), expression.List, a.Ack)
	if p := a.Presence; p != nil {
		uses = append(uses, use{path.Child("presence", "room"), expression.Text, p.Room})
		add(path.Child("presence", "after"), expression.Text, p.After)
	}
	if h := a.History; h != nil {
		uses = append(uses, use{path.Child("history", "room"), expression.Text, h.Room})
		add(path.Child("history", "before"), expression.Value, h.Before)
		add(path.Child("history", "after"), expression.Value, h.After)
	}
	return uses
}
