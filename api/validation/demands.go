// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/roompattern"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// demand is what an action needs of the rooms that it is about: without it, it always fails.
type demand struct {
	use
	what string
	met  func(*v1alpha1.RoomRule) bool
}

// demandsOf returns what an action needs.
func demandsOf(a *v1alpha1.Action, path *field.Path) []demand {
	var demands []demand
	add := func(path *field.Path, kind expression.Kind, source v1alpha1.Expression, what string, met func(*v1alpha1.RoomRule) bool) {
		if source != "" {
			demands = append(demands, demand{use{path, kind, source}, what, met})
		}
	}
	counts := func(rule *v1alpha1.RoomRule) bool { return rule.Capacity != nil }
	if a.History != nil {
		add(path.Child("history", "room"), expression.Text, a.History.Room, "`history`", func(rule *v1alpha1.RoomRule) bool { return rule.History != nil })
	}
	if a.Presence != nil {
		add(path.Child("presence", "room"), expression.Text, a.Presence.Room, "`presence: true`", func(rule *v1alpha1.RoomRule) bool { return rule.Presence })
	}
	if a.JoinOneOf != nil {
		add(path.Child("joinOneOf", "rooms"), expression.Rooms, a.JoinOneOf.Rooms, "`capacity`", counts)
	}
	add(path.Child("count"), expression.Rooms, a.Count, "`capacity`", counts)
	if e := a.Emit; e != nil && e.IfRevision != "" && len(e.Rooms) == 1 {
		add(path.Child("emit", "rooms").Index(0), expression.Rooms, e.Rooms[0], "`ordering: room`", func(rule *v1alpha1.RoomRule) bool {
			return rule.Ordering == v1alpha1.OrderingRoom
		})
	}
	return demands
}

// validateDemands refuses actions on rooms whose rules do not have what the actions need. Of rooms
// that an expression makes up, only some rule must have it.
func validateDemands(rules []v1alpha1.RoomRule, handlers []v1alpha1.Handler, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range handlers {
		for j := range handlers[i].Do {
			for _, d := range demandsOf(&handlers[i].Do[j], path.Index(i).Child("do").Index(j)) {
				if problem := d.problem(rules); problem != "" {
					errs = append(errs, field.Invalid(d.path, string(d.source), problem))
				}
			}
		}
	}
	return errs
}

// problem says why an action always fails; empty if it may succeed.
func (d *demand) problem(rules []v1alpha1.RoomRule) string {
	some := false
	for i := range rules {
		some = some || d.met(&rules[i])
	}
	if !some {
		return "no room of the namespace has " + d.what + ", which a rule in rooms gives it"
	}
	for _, room := range constants(d.use) {
		switch rule := ruleFor(rules, room); {
		case rule == nil:
			return fmt.Sprintf("no rule is for the room %.64q: one in rooms must give it %s", room, d.what)
		case !d.met(rule):
			return fmt.Sprintf("the room %.64q has no %s: its rule is %.64q", room, d.what, rule.Name)
		}
	}
	return ""
}

// ruleFor returns the rule for a room; nil if there is none. One for exactly this room takes
// precedence, then the first that matches.
func ruleFor(rules []v1alpha1.RoomRule, room string) *v1alpha1.RoomRule {
	var first *v1alpha1.RoomRule
	for i := range rules {
		pattern, err := roompattern.Parse(rules[i].Name)
		switch {
		case err != nil || !pattern.Matches(room):
		case pattern.IsExact():
			return &rules[i]
		case first == nil:
			first = &rules[i]
		}
	}
	return first
}

// constants are the names that an expression yields in any case.
func constants(u use) []string {
	outline, err := expression.CompileOutline(u.kind, string(u.source))
	if err != nil {
		return nil // reported
	}
	var names []string
	for _, o := range append(outline.List, outline) {
		if name, ok := o.Constant.(types.String); ok {
			names = append(names, string(name))
		}
	}
	return names
}
