// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// validateLimits refuses limits that can never hold for anybody.
func validateLimits(s *v1alpha1.RealtimeService, path *field.Path) field.ErrorList {
	u := s.Spec.Limits.PerUser
	if u == nil {
		return nil
	}
	path = path.Child("perUser")
	var errs field.ErrorList
	if !asksAnybody(s) {
		errs = append(errs, field.Forbidden(path, "no namespace has authentication, so that no client has a user"))
	}
	if u.ConnectionsMode != "" && u.Connections == nil {
		errs = append(errs, field.Forbidden(path.Child("connectionsMode"), "there is no limit for connections"))
	}
	return errs
}

// asksAnybody reports whether any namespace asks who clients are.
func asksAnybody(s *v1alpha1.RealtimeService) bool {
	return slices.ContainsFunc(s.Spec.Namespaces, func(n v1alpha1.Namespace) bool { return len(n.Authentication) > 0 }) ||
		slices.ContainsFunc(s.Spec.DynamicNamespaces, func(n v1alpha1.DynamicNamespace) bool { return len(n.Authentication) > 0 })
}
