// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const (
	natsCertificateVolume = "certificate"
	natsCertificateDir    = "/etc/nats-tls"

	// keyNATSAuthority has the authorities that clients of NATS trust.
	keyNATSAuthority = "ca.crt"
)

// NATSHosts returns the names by which gateways, and programs that publish, may connect to the
// operator's own NATS.
func NATSHosts(svc *v1alpha1.RealtimeService) []string {
	host := natsHost(svc)
	return []string{host, NATSName(svc.Name), NATSName(svc.Name) + "." + svc.Namespace, host + ".cluster.local"}
}

// NATSCertificate has the data of certificates.RenewNATS, and its certificate also under a key with
// its revision, which is returned. NATS's pod mounts that key: a kubelet that has not received the
// renewed Secret yet fails and retries, instead of starting NATS with the old one.
func NATSCertificate(svc *v1alpha1.RealtimeService, data map[string][]byte) (secret *corev1.Secret, revision string) {
	revision = gatewaystatus.Revision(data[corev1.TLSCertKey])
	data = maps.Clone(data)
	if data == nil {
		data = map[string][]byte{}
	}
	data[natsCertificateKey(revision)] = data[corev1.TLSCertKey]
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: owned(svc, NATSCertificateName(svc.Name), componentNATS),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}, revision
}

func natsCertificateKey(revision string) string { return "tls-" + revision + ".crt" }

// natsCertificateMount omits the authority's key.
func natsCertificateMount(svc *v1alpha1.RealtimeService, revision string) corev1.Volume {
	return corev1.Volume{Name: natsCertificateVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: NATSCertificateName(svc.Name),
		Items:      natsCertificateItems(revision),
	}}}
}

func natsCertificateItems(revision string) []corev1.KeyToPath {
	return []corev1.KeyToPath{
		{Key: natsCertificateKey(revision), Path: corev1.TLSCertKey},
		{Key: corev1.TLSPrivateKeyKey, Path: corev1.TLSPrivateKeyKey},
	}
}
