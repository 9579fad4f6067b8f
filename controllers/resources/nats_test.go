// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"k8s.io/apimachinery/pkg/api/resource"

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
			credentials, err := NewCredentials(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("NATS_USERNAME", credentials.Username)
			t.Setenv("NATS_PASSWORD", credentials.Password)
			file := filepath.Join(t.TempDir(), natsConfigKey)
			if err := os.WriteFile(file, []byte(NATSConfigMap(service(t, withPayload(size))).Data[natsConfigKey]), 0o600); err != nil {
				t.Fatal(err)
			}
			options, err := natsserver.ProcessConfigFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if options.Username != credentials.Username || options.Password != credentials.Password {
				t.Errorf("it asks for %q and %q", options.Username, options.Password)
			}
			if options.MaxPayload != want || options.Port != natsPort || options.HTTPPort != natsMonitorPort {
				t.Errorf("max_payload %d, port %d, monitor %d", options.MaxPayload, options.Port, options.HTTPPort)
			}
			options.Port, options.HTTPPort, options.NoLog, options.NoSigs = natsserver.RANDOM_PORT, 0, true, true
			server, err := natsserver.NewServer(options)
			if err != nil {
				t.Fatalf("the server refuses it: %v", err)
			}
			server.Shutdown()
			server.WaitForShutdown()
		})
	}
}

func TestNATSRestartsForWhatItReadsAtItsStart(t *testing.T) {
	template := func(svc *v1alpha1.RealtimeService, c Credentials) string {
		return NATSStatefulSet(svc, "nats", c).Spec.Template.Annotations[annotationNATSRevision]
	}
	before := template(service(t), Credentials{"a", "b"})
	if template(service(t), Credentials{"a", "b"}) != before {
		t.Error("it restarts for nothing")
	}
	if template(service(t, withPayload("2M")), Credentials{"a", "b"}) == before {
		t.Error("it does not restart for a larger payload")
	}
	if template(service(t), Credentials{"a", "c"}) == before {
		t.Error("it does not restart for another password")
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
