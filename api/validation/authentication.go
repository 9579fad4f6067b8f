// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func validateAuthentication(entries []v1alpha1.Authentication, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range entries {
		if allow := entries[i].Allow; allow != "" {
			errs = compile(errs, path.Index(i).Child("allow"), expression.Client, allow)
		}
		if user := entries[i].User; user != "" {
			errs = compile(errs, path.Index(i).Child("user"), expression.User, user)
		}
	}
	return errs
}

// validateAdmittance checks whom a namespace admits.
func validateAdmittance(s *v1alpha1.RealtimeService, names []string, anonymous bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, name := range names {
		if !slices.ContainsFunc(s.Spec.Authentication, func(a v1alpha1.Authentication) bool { return a.Name == name }) {
			errs = append(errs, field.NotFound(path.Child("authentication").Index(i), name))
		}
	}
	if anonymous && len(names) == 0 {
		errs = append(errs, field.Forbidden(path.Child("anonymous"), "without authentication all clients are anonymous"))
	}
	return errs
}
