// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/roompattern"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// params are the names of the members of socket.params in a namespace: of the named groups of its
// pattern; none in a namespace with a name.
type params []string

func paramsOf(pattern string) params {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil // reported
	}
	var names params
	for _, name := range re.SubexpNames() {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// validate refuses expressions of a namespace that take members of params that are never there.
func (p params) validate(rules []v1alpha1.RoomRule, handlers []v1alpha1.Handler, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		errs = append(errs, p.validateRule(&rules[i], path.Child("rooms").Index(i))...)
	}
	for i := range handlers {
		h, path := &handlers[i], path.Child("handlers").Index(i)
		uses := []use{{path.Child("when"), expression.Condition, v1alpha1.Expression(h.When)}}
		for j := range h.Do {
			uses = append(uses, expressionsOf(&h.Do[j], path.Child("do").Index(j))...)
		}
		for _, u := range uses {
			errs = append(errs, u.takes("socket", p)...)
		}
	}
	return errs
}

func (p params) validateRule(rule *v1alpha1.RoomRule, path *field.Path) field.ErrorList {
	errs := use{path.Child("presenceInfo"), expression.Member, rule.PresenceInfo}.takes("socket", p)
	errs = append(errs, use{path.Child("autoJoinRooms"), expression.AutoJoin, rule.AutoJoinRooms}.takes("socket", p)...)
	pattern, err := roompattern.Parse(rule.Name)
	if err != nil {
		return errs // reported
	}
	for _, c := range rule.Allow.Conditions() {
		u := use{path.Child("allow", c.Name), expression.Access, c.Condition}
		errs = append(errs, u.takes("socket", p)...)
		errs = append(errs, u.takes("room", pattern.Parts())...)
	}
	return errs
}

// takes refuses the expression if it takes members of a variable's params other than names.
func (u use) takes(variable string, names []string) field.ErrorList {
	if err := expression.CheckParams(u.kind, string(u.source), variable, names); err != nil {
		return field.ErrorList{field.Invalid(u.path, string(u.source), err.Error())}
	}
	return nil
}
