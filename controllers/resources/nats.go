// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The ports of the operator's own NATS. The monitor has no authentication; it is for probes, and no
// Service exposes it.
const (
	natsPort        = 4222
	natsMonitorPort = 8222
	// natsRoutePort is for the other servers of a cluster.
	natsRoutePort = 6222

	natsVolume = "nats"

	natsPortName        = "nats"
	natsMonitorPortName = "monitor"
	natsRoutePortName   = "routes"
)

// natsCluster is how many servers a cluster has.
const natsCluster = 3

// NATSCounts returns the numbers of servers that the operator's own NATS may have.
func NATSCounts() []int32 { return []int32{1, natsCluster} }

// clustered reports whether the operator's own NATS has several servers.
func clustered(svc *v1alpha1.RealtimeService) bool { return svc.Spec.NATSServers() > 1 }

// OwnNATS reports whether the operator runs NATS for the service.
func OwnNATS(svc *v1alpha1.RealtimeService) bool { return !svc.Spec.External() }

func natsURLs(svc *v1alpha1.RealtimeService) []string {
	if OwnNATS(svc) {
		return []string{fmt.Sprintf("tls://%s:%d", natsHost(svc), natsPort)}
	}
	return svc.Spec.NATS.URLs
}

// natsHost returns the name by which gateways connect to the operator's own NATS.
func natsHost(svc *v1alpha1.RealtimeService) string {
	return fmt.Sprintf("%s.%s.svc", NATSName(svc.Name), svc.Namespace)
}

// natsCredentials returns the volume with the gateways' credentials for NATS and the authorities
// that they trust; nil if there are none.
func natsCredentials(svc *v1alpha1.RealtimeService) *corev1.Volume {
	if OwnNATS(svc) {
		return &corev1.Volume{Name: natsVolume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{
				fromSecret(NATSCredentialsName(svc.Name), keyUsername, keyPassword),
				fromSecret(NATSCertificateName(svc.Name), keyNATSAuthority), // without its key
			},
		}}}
	}
	if svc.Spec.NATS.CredentialsSecretRef == nil {
		return nil
	}
	return &corev1.Volume{Name: natsVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: svc.Spec.NATS.CredentialsSecretRef.Name,
	}}}
}

// fromSecret projects keys of a Secret as files of the same names.
func fromSecret(name string, keys ...string) corev1.VolumeProjection {
	source := &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}
	for _, key := range keys {
		source.Items = append(source.Items, corev1.KeyToPath{Key: key, Path: key})
	}
	return corev1.VolumeProjection{Secret: source}
}

// UsesOwnNATS reports whether the gateways of a Deployment mount the credentials of the operator's
// own NATS.
func UsesOwnNATS(svc *v1alpha1.RealtimeService, gateways *appsv1.Deployment) bool {
	credentials := NATSCredentialsName(svc.Name)
	return slices.ContainsFunc(gateways.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
		if v.Secret != nil { // of a release that did not encrypt
			return v.Secret.SecretName == credentials
		}
		return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(p corev1.VolumeProjection) bool {
			return p.Secret != nil && p.Secret.Name == credentials
		})
	})
}

// SpeaksPlaintext reports whether a gateway pod is of a release that did not encrypt its
// connections to the operator's own NATS, and has not ended.
func SpeaksPlaintext(gateway corev1.Pod) bool {
	if gateway.Status.Phase == corev1.PodSucceeded || gateway.Status.Phase == corev1.PodFailed {
		return false
	}
	_, encrypts := gateway.Annotations[annotationNATSTLS]
	return !encrypts
}
