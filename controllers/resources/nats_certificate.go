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
// operator's own NATS, and those by which its servers connect to each other.
func NATSHosts(svc *v1alpha1.RealtimeService) []string {
	host := natsHost(svc)
	hosts := []string{host, NATSName(svc.Name), NATSName(svc.Name) + "." + svc.Namespace, host + ".cluster.local"}
	if clustered(svc) {
		hosts = append(hosts, "*."+natsRouteDomain(svc))
	}
	return hosts
}

// NATSCertificate has the data of certificates.RenewNATS, and its certificate also under a key with
// its revision, which is in the identity. NATS's pod mounts that key: a kubelet that has not
// received the renewed Secret yet fails and retries, instead of starting NATS with the old one. So
// it is with the authorities that the servers of a cluster trust.
func NATSCertificate(svc *v1alpha1.RealtimeService, data map[string][]byte) (secret *corev1.Secret, identity NATSIdentity) {
	identity.Certificate = gatewaystatus.Revision(data[corev1.TLSCertKey])
	data = maps.Clone(data)
	if data == nil {
		data = map[string][]byte{}
	}
	data[natsCertificateKey(identity.Certificate)] = data[corev1.TLSCertKey]
	if clustered(svc) {
		identity.Authorities = gatewaystatus.Revision(data[keyNATSAuthority])
		data[natsAuthoritiesKey(identity.Authorities)] = data[keyNATSAuthority]
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: owned(svc, NATSCertificateName(svc.Name), componentNATS),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}, identity
}

func natsCertificateKey(revision string) string { return "tls-" + revision + ".crt" }

func natsAuthoritiesKey(revision string) string { return "ca-" + revision + ".crt" }

// natsCertificateMount omits the authority's key.
func natsCertificateMount(svc *v1alpha1.RealtimeService, identity NATSIdentity) corev1.Volume {
	return corev1.Volume{Name: natsCertificateVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: NATSCertificateName(svc.Name),
		Items:      natsCertificateItems(identity),
	}}}
}

func natsCertificateItems(identity NATSIdentity) []corev1.KeyToPath {
	items := []corev1.KeyToPath{
		{Key: natsCertificateKey(identity.Certificate), Path: corev1.TLSCertKey},
		{Key: corev1.TLSPrivateKeyKey, Path: corev1.TLSPrivateKeyKey},
	}
	if identity.Authorities != "" {
		items = append(items, corev1.KeyToPath{Key: natsAuthoritiesKey(identity.Authorities), Path: keyNATSAuthority})
	}
	return items
}
