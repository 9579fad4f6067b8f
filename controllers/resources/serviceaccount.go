// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// GatewayServiceAccount has no rights, and its token is not mounted: gateways are exposed to the
// internet.
func GatewayServiceAccount(svc *v1alpha1.RealtimeService) *corev1.ServiceAccount {
	return serviceAccount(owned(svc, GatewayName(svc.Name), componentGateway))
}

// NATSServiceAccount has no rights, and its token is not mounted.
func NATSServiceAccount(svc *v1alpha1.RealtimeService) *corev1.ServiceAccount {
	return serviceAccount(owned(svc, NATSName(svc.Name), componentNATS))
}

func serviceAccount(meta metav1.ObjectMeta) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   meta,
		AutomountServiceAccountToken: ptr.To(false),
	}
}
