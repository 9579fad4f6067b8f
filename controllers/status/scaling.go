// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Scaling is what is known of the number of gateways of a service with autoscaling. The zero value
// is nothing.
type Scaling struct {
	// Floor is the smallest number that is in force; without a target of connections, minReplicas.
	Floor int32
	// Needed is the floor without the maximum.
	Needed int32
	// Held reports whether the floor does not fall since gateways do not tell their clients.
	Held bool
	// Autoscaler is the HorizontalPodAutoscaler; nil if there is none.
	Autoscaler *autoscalingv2.HorizontalPodAutoscaler
}

// fillScaling sets what the status tells of the number of gateways. It stays as it was if that
// could not be observed.
func fillScaling(svc *v1alpha1.RealtimeService, seen *Observation) {
	a := svc.Spec.Gateway.Autoscaling
	switch {
	case a != nil && seen.Scaling.Floor == 0:
		return
	case a != nil:
		set(svc, scalingCondition(a, seen.Wanted(svc), &seen.Scaling))
	case seen.Descends:
		set(svc, descendingCondition(seen.Wanted(svc), ptr.Deref(svc.Spec.Gateway.Replicas, 1)))
	default:
		meta.RemoveStatusCondition(&svc.Status.Conditions, v1alpha1.ConditionScalingLimited)
	}
	svc.Status.Autoscaling = nil
	if a != nil && a.OnConnections() {
		load := loadOf(seen.Connections, len(seen.Ready()), *a.TargetConnections)
		svc.Status.Autoscaling = &v1alpha1.AutoscalingStatus{Floor: seen.Scaling.Floor, Load: load}
	}
}

// loadOf returns the average number of clients of a ready gateway and the target.
func loadOf(connections int64, ready int, target int32) string {
	if ready == 0 {
		return fmt.Sprintf("-/%d", target)
	}
	return fmt.Sprintf("%d/%d", connections/int64(ready), target)
}

// scalingCondition is true while there should be another number of gateways than there can be. Its
// messages change with the numbers of gateways, and not with those of clients.
func scalingCondition(a *v1alpha1.AutoscalingSpec, gateways int32, s *Scaling) metav1.Condition {
	switch problem := metricsProblem(s.Autoscaler); {
	case s.Needed > a.MaxReplicas:
		return limited(ReasonTooManyClients, fmt.Sprintf("the clients need %d gateways, and maxReplicas is %d", s.Needed, a.MaxReplicas))
	case s.Held:
		return limited(ReasonGatewaysSilent, fmt.Sprintf("there stay at least %d gateways, since not all tell how many clients they have", s.Floor))
	case problem != "" && gateways > s.Floor:
		return limited(ReasonNoMetrics, "the HorizontalPodAutoscaler removes no gateway without metrics: install metrics-server, "+
			"or scale on connections alone with targetCPUUtilizationPercentage: 0; it says: "+problem)
	}
	condition := limited(ReasonWithinLimits, fmt.Sprintf("there are at least %d and at most %d gateways", s.Floor, a.MaxReplicas))
	condition.Status = metav1.ConditionFalse
	return condition
}

// descendingCondition is that of a service whose autoscaling was removed.
func descendingCondition(gateways, replicas int32) metav1.Condition {
	return limited(ReasonAutoscalingRemoved, fmt.Sprintf("autoscaling was removed, and the number of gateways goes "+
		"from %d to spec.gateway.replicas, %d, by one at a time; set replicas to have another number at once", gateways, replicas))
}

func limited(reason, message string) metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionScalingLimited, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

// metricsProblem returns why an autoscaler does not know the load; empty if it does, or has not
// looked yet.
func metricsProblem(h *autoscalingv2.HorizontalPodAutoscaler) string {
	if h == nil {
		return ""
	}
	for _, c := range h.Status.Conditions {
		if c.Type == autoscalingv2.ScalingActive && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}
