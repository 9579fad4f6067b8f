// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

func validateAuthentication(entries []Authentication, path *field.Path) field.ErrorList {
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
func (s *RealtimeService) validateAdmittance(names []string, anonymous bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, name := range names {
		if s.Spec.authentication(name) == nil {
			errs = append(errs, field.NotFound(path.Child("authentication").Index(i), name))
		}
	}
	if anonymous && len(names) == 0 {
		errs = append(errs, field.Forbidden(path.Child("anonymous"), "without authentication all clients are anonymous"))
	}
	return errs
}

func (s *RealtimeServiceSpec) authentication(name string) *Authentication {
	for i := range s.Authentication {
		if s.Authentication[i].Name == name {
			return &s.Authentication[i]
		}
	}
	return nil
}
