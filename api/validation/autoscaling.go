// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The bounds of a HorizontalPodAutoscaler's behavior.
const (
	maxStabilizationSeconds = 3600
	maxPolicySeconds        = 1800
)

// validateAutoscaling checks what the API server would refuse in a HorizontalPodAutoscaler, and
// what needs another part of the service.
func validateAutoscaling(s *v1alpha1.RealtimeService, path *field.Path) field.ErrorList {
	a := s.Spec.Gateway.Autoscaling
	if a == nil {
		return nil
	}
	var errs field.ErrorList
	if a.Rebalance != nil && s.Spec.Recovery == nil {
		errs = append(errs, field.Forbidden(path.Child("rebalance"),
			"requires spec.recovery, which is missing: clients would lose what they miss while they reconnect"))
	}
	if a.Behavior != nil {
		errs = append(errs, validateScaling(a.Behavior.ScaleUp, path.Child("behavior", "scaleUp"))...)
		errs = append(errs, validateScaling(a.Behavior.ScaleDown, path.Child("behavior", "scaleDown"))...)
	}
	return errs
}

func validateScaling(rules *autoscalingv2.HPAScalingRules, path *field.Path) field.ErrorList {
	if rules == nil {
		return nil
	}
	var errs field.ErrorList
	if w := rules.StabilizationWindowSeconds; w != nil && (*w < 0 || *w > maxStabilizationSeconds) {
		errs = append(errs, field.Invalid(path.Child("stabilizationWindowSeconds"), *w, "must be from 0 to 3600"))
	}
	selections := []autoscalingv2.ScalingPolicySelect{
		autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect,
	}
	if p := rules.SelectPolicy; p != nil && !slices.Contains(selections, *p) {
		errs = append(errs, field.NotSupported(path.Child("selectPolicy"), *p, selections))
	}
	if t := rules.Tolerance; t != nil && t.Sign() < 0 {
		errs = append(errs, field.Invalid(path.Child("tolerance"), t.String(), "must not be negative"))
	}
	kinds := []autoscalingv2.HPAScalingPolicyType{autoscalingv2.PodsScalingPolicy, autoscalingv2.PercentScalingPolicy}
	for i, policy := range rules.Policies {
		at := path.Child("policies").Index(i)
		if !slices.Contains(kinds, policy.Type) {
			errs = append(errs, field.NotSupported(at.Child("type"), policy.Type, kinds))
		}
		if policy.Value <= 0 {
			errs = append(errs, field.Invalid(at.Child("value"), policy.Value, "must be greater than 0"))
		}
		if policy.PeriodSeconds <= 0 || policy.PeriodSeconds > maxPolicySeconds {
			errs = append(errs, field.Invalid(at.Child("periodSeconds"), policy.PeriodSeconds, "must be from 1 to 1800"))
		}
	}
	return errs
}
