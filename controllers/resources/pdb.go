// SPDX-License-Identifier: Apache-2.0

package resources

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// GatewayDisruptionBudget lets a drained node evict one gateway at a time. It never blocks a node
// for good: a single gateway may be evicted, and so may an unhealthy one.
func GatewayDisruptionBudget(svc *v1alpha1.RealtimeService) *policyv1.PodDisruptionBudget {
	return disruptionBudget(svc, GatewayName(svc.Name), componentGateway)
}

// NATSDisruptionBudget lets a drained node evict one server at a time. With one server that is
// always permitted: a budget of none would block the drain for good (docs/operations/nats.md).
func NATSDisruptionBudget(svc *v1alpha1.RealtimeService) *policyv1.PodDisruptionBudget {
	return disruptionBudget(svc, NATSName(svc.Name), componentNATS)
}

func disruptionBudget(svc *v1alpha1.RealtimeService, name, component string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: owned(svc, name, component),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             ptr.To(intstr.FromInt32(1)),
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
			Selector:                   &metav1.LabelSelector{MatchLabels: selector(svc.Name, component)},
		},
	}
}
