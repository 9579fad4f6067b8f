// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Warnings returns what a person may not have meant with a change that is valid.
func Warnings(before, after *v1alpha1.RealtimeService) []string {
	was, is := before.Spec.Gateway.Autoscaling, after.Spec.Gateway.Autoscaling
	replicas := ptr.Deref(after.Spec.Gateway.Replicas, 1)
	switch {
	case was != nil && is != nil && replicas != ptr.Deref(before.Spec.Gateway.Replicas, 1):
		return []string{IgnoredReplicas(replicas, is)}
	case was != nil && is == nil && replicas > 0 && before.Status.Replicas > replicas:
		return []string{fmt.Sprintf("spec.gateway.autoscaling is removed: the %d gateways become %d, as spec.gateway.replicas says, "+
			"one at a time, beginning in five minutes; set replicas to have another number at once", before.Status.Replicas, replicas)}
	}
	return nil
}

// IgnoredReplicas says that a number of gateways has no effect on a service with autoscaling.
func IgnoredReplicas(replicas int32, a *v1alpha1.AutoscalingSpec) string {
	return fmt.Sprintf("spec.gateway.replicas is %d and has no effect: spec.gateway.autoscaling sets the number of gateways, "+
		"from minReplicas, %d, to maxReplicas, %d; change these instead", replicas, a.LeastReplicas(), a.MaxReplicas)
}
