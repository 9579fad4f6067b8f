// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const natsConfigKey = "nats.conf"

// natsTLSBlock begins the part of a configuration that makes NATS encrypt.
const natsTLSBlock = "\ntls {\n"

const (
	mebi = 1 << 20
	// natsHeadroom is space for what gateways add to a client's message.
	natsHeadroom = 1 * mebi
	// natsMaxPending is NATS's own default. It must not be less than the largest message.
	natsMaxPending = 64 * mebi
)

// natsConfig takes the credentials from the environment, so that it has no secret. The server would
// convert a value that looks like a number; NewCredentials makes none that does.
const natsConfig = `port: %d
http: %d
%sauthorization {
  user: $NATS_USERNAME
  password: $NATS_PASSWORD
}
max_payload: %d
max_pending: %d
tls {
  cert_file: %s
  key_file: %s
}
`

// natsClusterConfig makes a server one of a cluster. A server that joins must have a
// certificate of the authority that signs for NATS alone. Clients are not told of the addresses of
// the other servers: they find all of them under the name of the Service, which is in the
// certificate. A server that ends hands over what it leads, and then sends its clients away.
const natsClusterConfig = `cluster {
  name: %s
  port: %d
  routes: [%s]
  no_advertise: true
  tls {
    cert_file: %s
    key_file: %s
    ca_file: %s
    verify: true
  }
}
lame_duck_duration: 30s
lame_duck_grace_period: 1s
`

// natsPlaintext makes NATS accept clients without TLS, in addition to those with TLS. Only a
// restart can change it.
const natsPlaintext = "allow_non_tls: true\n"

// natsStore is JetStream's part of the configuration, for a service with recovery. Writes are not
// synced one by one. With one server that would gain nothing: what the machine has not written when
// it fails is lost in any case. Of three, the others have it.
const natsStore = `jetstream {
  store_dir: %s
  max_file: %d
}
`

// NATSConfigMap has the configuration of the operator's own NATS. Without recovery NATS stores
// nothing. Plaintext is for an update from a release whose gateways do not encrypt, until they have
// left.
func NATSConfigMap(svc *v1alpha1.RealtimeService, plaintext bool) *corev1.ConfigMap {
	maxPayload := svc.Spec.Protocol.MaxPayload.Value() + natsHeadroom
	maxPending := max(natsMaxPending, 2*maxPayload)
	config := fmt.Sprintf(natsConfig, natsPort, natsMonitorPort, natsServerName(svc), maxPayload, maxPending,
		natsCertificateDir+"/"+corev1.TLSCertKey, natsCertificateDir+"/"+corev1.TLSPrivateKeyKey)
	if plaintext {
		config += natsPlaintext
	}
	if clustered(svc) {
		config += natsRoutes(svc)
	}
	if r := svc.Spec.Recovery; r != nil {
		config += fmt.Sprintf(natsStore, natsDataDir, natsMaxFile(r))
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: owned(svc, natsConfigName(svc.Name), componentNATS),
		Data: map[string]string{
			natsConfigKey: config,
		},
	}
}

// natsServerName returns the setting of the server's name. In a cluster each has one of its own,
// which is an argument.
func natsServerName(svc *v1alpha1.RealtimeService) string {
	if clustered(svc) {
		return ""
	}
	return "server_name: " + NATSName(svc.Name) + "\n"
}

func natsRoutes(svc *v1alpha1.RealtimeService) string {
	set, routes := NATSSetName(svc.Name, svc.Spec.NATSServers()), []string{}
	for i := range svc.Spec.NATSServers() {
		routes = append(routes, fmt.Sprintf("\"nats-route://%s-%d.%s:%d\"", set, i, natsRouteDomain(svc), natsRoutePort))
	}
	return fmt.Sprintf(natsClusterConfig, set, natsRoutePort, strings.Join(routes, ", "),
		natsCertificateDir+"/"+corev1.TLSCertKey, natsCertificateDir+"/"+corev1.TLSPrivateKeyKey, natsCertificateDir+"/"+keyNATSAuthority)
}

// natsRouteDomain ends the names of the servers of a cluster.
func natsRouteDomain(svc *v1alpha1.RealtimeService) string {
	return fmt.Sprintf("%s.%s.svc", NATSSetName(svc.Name, svc.Spec.NATSServers()), svc.Namespace)
}

// NATSConfig returns the file in the ConfigMap of the operator's own NATS.
func NATSConfig(config *corev1.ConfigMap) string { return config.Data[natsConfigKey] }

// SetNATSConfig replaces that file by one of an earlier release.
func SetNATSConfig(config *corev1.ConfigMap, text string) { config.Data[natsConfigKey] = text }

// NeedsNewerNATS reports whether gateways encrypt their connections to a NATS that is of a release
// without TLS.
func NeedsNewerNATS(gateways corev1.PodTemplateSpec, config string) bool {
	_, encrypts := gateways.Annotations[annotationNATSTLS]
	return encrypts && !strings.Contains(config, natsTLSBlock)
}

// NATSTakesPlaintext reports whether a configuration accepts clients without TLS: either it is of a
// release without TLS, or for the update from such a release.
func NATSTakesPlaintext(config *corev1.ConfigMap) bool {
	text := config.Data[natsConfigKey]
	return !strings.Contains(text, natsTLSBlock) || strings.Contains(text, natsPlaintext)
}

// natsMaxFile leaves a part of the disk for the file system and compaction.
func natsMaxFile(r *v1alpha1.RecoverySpec) int64 { return r.Storage.Size.Value() * 9 / 10 }

func natsConfigName(service string) string { return NATSName(service) + "-config" }
