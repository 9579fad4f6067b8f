// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNATSRefusesPlaintextAndTakesGateways(t *testing.T) {
	svc := service(t)
	folder := newNATSFolder(t, svc)
	server := folder.start(t, NATSConfigMap(svc, false))
	if _, err := folder.encrypted(t, server); err != nil {
		t.Errorf("a gateway: %v", err)
	}
	if folder.plaintextTaken(t, server) {
		t.Error("a client without TLS is let in")
	}
	if _, err := folder.connect(t, server, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13})); err == nil {
		t.Error("a client that trusts public authorities alone takes the certificate")
	}
}

// While a service is updated from a release that did not encrypt, NATS takes its gateways and those
// of today.
func TestNATSTakesGatewaysOfBothReleasesInAnUpdate(t *testing.T) {
	svc := service(t)
	folder := newNATSFolder(t, svc)
	server := folder.start(t, NATSConfigMap(svc, true))
	if _, err := folder.encrypted(t, server); err != nil {
		t.Errorf("a gateway of today: %v", err)
	}
	if !folder.plaintextTaken(t, server) {
		t.Error("a gateway that does not encrypt is refused")
	}
}

// Why the end of an update takes a restart of NATS: if a release of NATS takes this reload, the
// restart can go.
func TestNATSDoesNotTurnPlaintextOffWhileItRuns(t *testing.T) {
	svc := service(t)
	folder := newNATSFolder(t, svc)
	server := folder.start(t, NATSConfigMap(svc, true))
	folder.write(t, onLoopback(t, NATSConfigMap(svc, false)))
	if err := server.Reload(); err == nil || !strings.Contains(err.Error(), "AllowNonTLS") {
		t.Errorf("the reload: %v", err)
	}
	if !folder.plaintextTaken(t, server) {
		t.Error("it refuses plaintext")
	}
}

// Why a renewed certificate takes one too.
func TestNATSReadsItsCertificateWhenItStarts(t *testing.T) {
	svc := service(t)
	folder := newNATSFolder(t, svc)
	server := folder.start(t, NATSConfigMap(svc, false))
	shown := func() []byte {
		conn, err := folder.encrypted(t, server)
		if err != nil {
			t.Fatal(err)
		}
		state, err := conn.TLSConnectionState()
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].Raw
	}
	data := folder.certify(t, nil)
	stop(server)
	server = folder.start(t, NATSConfigMap(svc, false))
	before := shown()

	delete(data, corev1.TLSPrivateKeyKey)
	folder.certify(t, data)
	if !bytes.Equal(shown(), before) {
		t.Error("it shows the renewed certificate: it needs no restart")
	}
	stop(server)
	server = folder.start(t, NATSConfigMap(svc, false))
	if bytes.Equal(shown(), before) {
		t.Error("it shows the old certificate after a restart")
	}
}

func TestOnlyConfigurationsWithoutAWayBackRefusePlaintext(t *testing.T) {
	svc := service(t)
	earlier := NATSConfigMap(svc, false)
	earlier.Data[natsConfigKey], _, _ = strings.Cut(earlier.Data[natsConfigKey], "tls {")
	for name, test := range map[string]struct {
		config *corev1.ConfigMap
		takes  bool
	}{
		"of an earlier release": {earlier, true},
		"of an update":          {NATSConfigMap(svc, true), true},
		"of today":              {NATSConfigMap(svc, false), false},
	} {
		if got := NATSTakesPlaintext(test.config); got != test.takes {
			t.Errorf("%s: plaintext is taken: %v", name, got)
		}
	}
}

func TestGatewaysOfAnEarlierReleaseAreKnown(t *testing.T) {
	today := corev1.Pod{ObjectMeta: GatewayDeployment(service(t), "image").Spec.Template.ObjectMeta}
	if SpeaksPlaintext(today) {
		t.Error("one of today is taken for one of them")
	}
	earlier := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{annotationRecovery: "1m"}}}
	if !SpeaksPlaintext(earlier) {
		t.Error("it is not known")
	}
	earlier.Status.Phase = corev1.PodFailed
	if SpeaksPlaintext(earlier) {
		t.Error("one that has ended keeps NATS open")
	}
}

// Only NATS gets its key, and nobody that of the authority.
func TestPodsGetNoKeysOfNATSButItsOwn(t *testing.T) {
	svc := service(t)
	secret := NATSCertificateName(svc.Name)
	keys := func(pod corev1.PodSpec) (found []string) {
		for _, volume := range pod.Volumes {
			if volume.Secret != nil && volume.Secret.SecretName == secret {
				for _, item := range volume.Secret.Items {
					found = append(found, item.Key)
				}
			}
			if volume.Projected == nil {
				continue
			}
			for _, source := range volume.Projected.Sources {
				if source.Secret != nil && source.Secret.Name == secret {
					for _, item := range source.Secret.Items {
						found = append(found, item.Key)
					}
				}
			}
		}
		return found
	}
	if got := strings.Join(keys(GatewayDeployment(svc, "image").Spec.Template.Spec), " "); got != "ca.crt" {
		t.Errorf("a gateway gets %q", got)
	}
	if got := strings.Join(keys(natsSet(svc).Spec.Template.Spec), " "); got != "tls-c.crt tls.key" {
		t.Errorf("NATS gets %q", got)
	}
}
