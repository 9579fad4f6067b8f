// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// GatewayDeployment runs the gateways. It does not set their number, which belongs to
// GatewayReplicas or to an autoscaler, and has no namespaces and handlers, which reach gateways
// without a new pod.
func GatewayDeployment(svc *v1alpha1.RealtimeService, image string) *appsv1.Deployment {
	meta := owned(svc, GatewayName(svc.Name), componentGateway)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: GatewaySelector(svc.Name)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      with(svc.Spec.Gateway.PodLabels, meta.Labels),
					Annotations: with(svc.Spec.Gateway.PodAnnotations, gatewayAnnotations(svc)),
				},
				Spec: gatewayPod(svc, image),
			},
			Strategy: strategy(svc),
		},
	}
}

// strategy lets a gateway leave when another one has started.
func strategy(svc *v1alpha1.RealtimeService) appsv1.DeploymentStrategy {
	return appsv1.DeploymentStrategy{
		Type: appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxUnavailable: ptr.To(intstr.FromInt32(0)),
			MaxSurge:       ptr.To(svc.Spec.Gateway.MaxSurge()),
		},
	}
}

func gatewayAnnotations(svc *v1alpha1.RealtimeService) map[string]string {
	annotations := map[string]string{}
	if OwnNATS(svc) {
		annotations[annotationNATSTLS] = "required"
	}
	if svc.Spec.Recovery != nil {
		annotations[annotationRecovery] = recoveryRevision(svc)
	}
	return annotations
}

// recoveryRevision has everything for which gateways must be replaced: how the log is stored.
func recoveryRevision(svc *v1alpha1.RealtimeService) string {
	r := svc.Spec.Recovery
	revision := fmt.Sprintf("%s,%d,%d,%s", r.MaxDisconnection.Duration, r.MaxMessages, svc.Spec.StoredBy(), svc.LongestHistory())
	if r.MaxBytes != nil {
		revision += "," + r.MaxBytes.String()
	}
	return revision
}

// GatewayReplicas is the part of the Deployment with the number of gateways. It is applied under a
// field manager of its own, so that it can be handed over to an autoscaler without touching the
// rest. If the number is that of an autoscaler, the Deployment says which spec.gateway.replicas had
// no effect; otherwise ignored is empty.
func GatewayReplicas(svc *v1alpha1.RealtimeService, replicas int32, ignored string) *unstructured.Unstructured {
	metadata := map[string]any{"name": GatewayName(svc.Name), "namespace": svc.Namespace}
	if ignored != "" {
		metadata["annotations"] = map[string]any{annotationAutoscaled: ignored}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   metadata,
		"spec":       map[string]any{"replicas": int64(replicas)},
	}}
}

// IgnoredReplicas returns the spec.gateway.replicas that has no effect while an autoscaler chooses
// the number of gateways, for GatewayReplicas.
func IgnoredReplicas(svc *v1alpha1.RealtimeService) string {
	return strconv.Itoa(int(ptr.Deref(svc.Spec.Gateway.Replicas, 1)))
}

// IgnoredBy returns what a Deployment or an autoscaler says of it; empty if it says nothing.
func IgnoredBy(object metav1.Object) string { return object.GetAnnotations()[annotationAutoscaled] }
