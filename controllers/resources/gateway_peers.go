// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const peerVolume = "peers"

// GatewayPeers has what the service's gateways authenticate each other with: the files of package
// gatewaypeers; and, for the operator only, the key of their authority and its own certificate.
func GatewayPeers(svc *v1alpha1.RealtimeService, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: owned(svc, GatewayPeersName(svc.Name), componentGateway),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}
}

// peersVolume lists the files: a gateway, which is exposed to the internet, does not get the keys
// of the authority and of the operator.
func peersVolume(svc *v1alpha1.RealtimeService) corev1.Volume {
	secret := &corev1.SecretVolumeSource{SecretName: GatewayPeersName(svc.Name)}
	for _, file := range []string{gatewaypeers.Authorities, gatewaypeers.Certificate, gatewaypeers.Key, gatewaypeers.SessionKeys} {
		secret.Items = append(secret.Items, corev1.KeyToPath{Key: file, Path: file})
	}
	return corev1.Volume{Name: peerVolume, VolumeSource: corev1.VolumeSource{Secret: secret}}
}
