// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// NATSServiceAccount has no rights, and its token is not mounted.
func NATSServiceAccount(svc *v1alpha1.RealtimeService) *corev1.ServiceAccount {
	return serviceAccount(owned(svc, NATSName(svc.Name), componentNATS))
}
