// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/maintenance"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// validateUpdatePolicy checks that every maintenance window comes.
func validateUpdatePolicy(p *v1alpha1.UpdatePolicySpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, window := range p.Windows {
		at := path.Child("windows").Index(i)
		_, err := maintenance.Parse(window)
		switch {
		case errors.Is(err, maintenance.ErrZone):
			errs = append(errs, field.Invalid(at.Child("timeZone"), window.TimeZone, maintenance.ErrZone.Error()))
		case err != nil:
			errs = append(errs, field.Invalid(at.Child("schedule"), window.Schedule, err.Error()))
		}
	}
	return errs
}
