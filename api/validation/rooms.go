// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/roompattern"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func validateAccess(a *v1alpha1.RoomAccess, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, c := range a.Conditions() {
		errs = compile(errs, path.Child(c.Name), expression.Access, c.Condition)
	}
	return errs
}

func validateRooms(rules []v1alpha1.RoomRule, stored bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		rule := &rules[i]
		if rule.PresenceInfo != "" {
			errs = compile(errs, path.Index(i).Child("presenceInfo"), expression.Member, rule.PresenceInfo)
		}
		if rule.AutoJoinRooms != "" {
			errs = compile(errs, path.Index(i).Child("autoJoinRooms"), expression.AutoJoin, rule.AutoJoinRooms)
		}
		if _, err := roompattern.Parse(rule.Name); err != nil {
			errs = append(errs, field.Invalid(path.Index(i).Child("name"), rule.Name, err.Error()))
		}
		errs = append(errs, validateAccess(rule.Allow, path.Index(i).Child("allow"))...)
		if rule.History != nil && !stored {
			errs = append(errs, field.Forbidden(path.Index(i).Child("history"), "is kept in the log of spec.recovery, which is missing"))
		}
		if rule.Ordering == v1alpha1.OrderingRoom && !stored {
			errs = append(errs, field.Forbidden(path.Index(i).Child("ordering"), "room is the order of the log of spec.recovery, which is missing"))
		}
		if rule.Capacity != nil && !stored {
			errs = append(errs, field.Forbidden(path.Index(i).Child("capacity"), "is counted in the log of spec.recovery, which is missing"))
		}
		for j := range rules[:i] {
			if covers(rules[j].Name, rule.Name) {
				errs = append(errs, field.Invalid(path.Index(i).Child("name"), rule.Name,
					fmt.Sprintf("never holds, since %s comes first and matches: put it before", rules[j].Name)))
				break
			}
		}
	}
	return errs
}

// covers reports whether a rule is for all rooms that another one is for. A name that is not valid
// is for none.
func covers(first, later string) bool {
	p, err := roompattern.Parse(first)
	if err != nil {
		return false
	}
	q, err := roompattern.Parse(later)
	return err == nil && p.Covers(q)
}
