// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

func validateRooms(rules []RoomRule, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		rule := &rules[i]
		if rule.PresenceInfo != "" {
			errs = compile(errs, path.Index(i).Child("presenceInfo"), expression.Member, rule.PresenceInfo)
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

func (a *PresenceAction) validate(path *field.Path) field.ErrorList {
	errs := compile(nil, path.Child("room"), expression.Text, a.Room)
	if a.After != "" {
		errs = compile(errs, path.Child("after"), expression.Text, a.After)
	}
	return errs
}
