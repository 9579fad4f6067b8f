// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Ports of the operator's own NATS. The monitor has no authentication; it is for probes, and no Service leads there.
const (
	natsPort        = 4222
	natsMonitorPort = 8222

	natsPortName        = "nats"
	natsMonitorPortName = "monitor"
)

// OwnNATS says whether the operator runs NATS for the service.
func OwnNATS(svc *v1alpha1.RealtimeService) bool { return svc.Spec.NATS == nil }

func natsURLs(svc *v1alpha1.RealtimeService) []string {
	if OwnNATS(svc) {
		return []string{fmt.Sprintf("nats://%s.%s.svc:%d", NATSName(svc.Name), svc.Namespace, natsPort)}
	}
	return svc.Spec.NATS.URLs
}

// natsSecret is the name of the Secret with what gateways say to NATS, empty if there is nothing to say.
func natsSecret(svc *v1alpha1.RealtimeService) string {
	if OwnNATS(svc) {
		return NATSCredentialsName(svc.Name)
	}
	if svc.Spec.NATS.CredentialsSecretRef == nil {
		return ""
	}
	return svc.Spec.NATS.CredentialsSecretRef.Name
}

// UsesOwnNATS says whether the gateways of a Deployment mount the credentials of the operator's own NATS.
func UsesOwnNATS(svc *v1alpha1.RealtimeService, gateways *appsv1.Deployment) bool {
	return slices.ContainsFunc(gateways.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
		return v.Secret != nil && v.Secret.SecretName == NATSCredentialsName(svc.Name)
	})
}
