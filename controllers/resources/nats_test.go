// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func sameNumber(a, b resource.Quantity) bool { return a.Cmp(b) == 0 }

func withPayload(size string) func(*v1alpha1.RealtimeServiceSpec) {
	return func(s *v1alpha1.RealtimeServiceSpec) { s.Protocol.MaxPayload = resource.MustParse(size) }
}

// TestNATSReadsItsConfiguration gives the configuration to the server's own reader and checks.
func TestNATSReadsItsConfiguration(t *testing.T) {
	for size, want := range map[string]int32{"1k": 1_000 + mebi, "1M": 1_000_000 + mebi, "64Mi": 65 * mebi} {
		t.Run(size, func(t *testing.T) {
			svc := service(t, withPayload(size))
			folder := newNATSFolder(t, svc)
			options := folder.options(t, NATSConfigMap(svc, false))
			if options.Username != folder.Username || options.Password != folder.Password {
				t.Errorf("it asks for %q and %q", options.Username, options.Password)
			}
			if options.MaxPayload != want || options.Port != natsPort || options.HTTPPort != natsMonitorPort {
				t.Errorf("max_payload %d, port %d, monitor %d", options.MaxPayload, options.Port, options.HTTPPort)
			}
			folder.start(t, NATSConfigMap(svc, false))
		})
	}
}

func TestNATSRestartsForWhatItReadsAtItsStart(t *testing.T) {
	template := func(svc *v1alpha1.RealtimeService, plaintext bool, identity NATSIdentity) corev1.PodTemplateSpec {
		return NATSStatefulSet(svc, "nats", NATSConfigMap(svc, plaintext), identity).Spec.Template
	}
	identity := NATSIdentity{Credentials{"a", "b"}, "first", ""}
	before := template(service(t), false, identity)
	if diff := cmp.Diff(before, template(service(t), false, identity)); diff != "" {
		t.Errorf("it restarts for nothing: %s", diff)
	}
	for what, after := range map[string]corev1.PodTemplateSpec{
		"a larger payload":     template(service(t, withPayload("2M")), false, identity),
		"another password":     template(service(t), false, NATSIdentity{Credentials{"a", "c"}, "first", ""}),
		"another certificate":  template(service(t), false, NATSIdentity{Credentials{"a", "b"}, "second", ""}),
		"the end of an update": template(service(t), true, identity),
	} {
		if cmp.Equal(before, after) {
			t.Errorf("it does not restart for %s", what)
		}
	}
}

func TestCredentials(t *testing.T) {
	c, err := NewCredentials(bytes.NewReader(make([]byte, passwordBytes)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCredentials(bytes.NewReader(nil)); err == nil {
		t.Error("a password was made of nothing")
	}
	secret := NATSCredentials(service(t), c)
	if got, ok := CredentialsOf(secret); !ok || got != c {
		t.Errorf("read back: %v %v", got, ok)
	}
	delete(secret.Data, keyPassword)
	if _, ok := CredentialsOf(secret); ok {
		t.Error("a Secret without password passes")
	}
}

// The status quotes what a container that ends again and again has logged last.
func TestContainersLeaveTheirLastWords(t *testing.T) {
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "ns"}}
	nats := NATSStatefulSet(svc, "nats", NATSConfigMap(svc, false), NATSIdentity{})
	for _, template := range []corev1.PodTemplateSpec{GatewayDeployment(svc, "gateway").Spec.Template, nats.Spec.Template} {
		if c := template.Spec.Containers[0]; c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError {
			t.Errorf("%s: %q", c.Name, c.TerminationMessagePolicy)
		}
	}
}
