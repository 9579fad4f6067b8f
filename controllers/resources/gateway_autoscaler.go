// SPDX-License-Identifier: Apache-2.0

package resources

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// GatewayAutoscaler scales the gateways by CPU, with floor as the smallest number; nil if CPU does
// not count. It targets the Deployment and not the service, since spec.gateway.replicas belongs to
// the user.
func GatewayAutoscaler(svc *v1alpha1.RealtimeService, floor int32) *autoscalingv2.HorizontalPodAutoscaler {
	wanted := svc.Spec.Gateway.Autoscaling
	if wanted == nil || !wanted.OnCPU() {
		return nil
	}
	meta := owned(svc, GatewayName(svc.Name), componentGateway)
	meta.Annotations = map[string]string{annotationAutoscaled: IgnoredReplicas(svc)}
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: meta,
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1",
				Kind:       "Deployment",
				Name:       GatewayName(svc.Name),
			},
			MinReplicas: &floor,
			MaxReplicas: wanted.MaxReplicas,
			Behavior:    wanted.Behavior,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name: corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{
						Type:               autoscalingv2.UtilizationMetricType,
						AverageUtilization: wanted.TargetCPUUtilizationPercentage,
					},
				},
			}},
		},
	}
}
