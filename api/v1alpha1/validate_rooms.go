// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

func validateRooms(rules []RoomRule, stored bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		rule := &rules[i]
		if rule.PresenceInfo != "" {
			errs = compile(errs, path.Index(i).Child("presenceInfo"), expression.Member, rule.PresenceInfo)
		}
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
