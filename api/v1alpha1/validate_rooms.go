// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/roompattern"
)

// AccessCondition is a condition of a RoomAccess, with the name of its field.
//
// +kubebuilder:object:generate=false
type AccessCondition struct {
	Name      string
	Condition Expression
}

// Conditions lists those that are set, in the order of the fields. Nil has none.
func (a *RoomAccess) Conditions() []AccessCondition {
	if a == nil {
		return nil
	}
	return slices.DeleteFunc([]AccessCondition{
		{"join", a.Join}, {"leave", a.Leave}, {"emit", a.Emit}, {"history", a.History}, {"presence", a.Presence},
	}, func(c AccessCondition) bool { return c.Condition == "" })
}

func (a *RoomAccess) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, c := range a.Conditions() {
		errs = compile(errs, path.Child(c.Name), expression.Access, c.Condition)
	}
	return errs
}

func validateRooms(rules []RoomRule, stored bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		rule := &rules[i]
		if rule.PresenceInfo != "" {
			errs = compile(errs, path.Index(i).Child("presenceInfo"), expression.Member, rule.PresenceInfo)
		}
		if _, err := roompattern.Parse(rule.Name); err != nil {
			errs = append(errs, field.Invalid(path.Index(i).Child("name"), rule.Name, err.Error()))
		}
		errs = append(errs, rule.Allow.validate(path.Index(i).Child("allow"))...)
		if rule.History != nil && !stored {
			errs = append(errs, field.Forbidden(path.Index(i).Child("history"), "is kept in the log of spec.recovery, which is missing"))
		}
		if rule.Ordering == OrderingRoom && !stored {
			errs = append(errs, field.Forbidden(path.Index(i).Child("ordering"), "room is the order of the log of spec.recovery, which is missing"))
		}
		for j := range rules[:i] {
			if !rule.IsPattern() && rules[j].Matches(rule.Name) {
				errs = append(errs, field.Invalid(path.Index(i).Child("name"), rule.Name,
					fmt.Sprintf("never holds, since %s comes first and matches: put it before", rules[j].Name)))
				break
			}
		}
	}
	return errs
}

// IsPattern tells whether the rule is for more than one room.
func (r *RoomRule) IsPattern() bool { return strings.ContainsAny(r.Name, "*{") }

// Matches tells whether the rule is for a room. A name that is not valid matches none.
func (r *RoomRule) Matches(room string) bool {
	p, err := roompattern.Parse(r.Name)
	return err == nil && p.Matches(room)
}
