// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
)

// natsFolder is what NATS's pod mounts, and its environment.
type natsFolder struct {
	Credentials
	svc *v1alpha1.RealtimeService
	dir string
	// authority is what clients trust.
	authority []byte
}

func newNATSFolder(t *testing.T, svc *v1alpha1.RealtimeService) *natsFolder {
	t.Helper()
	credentials, err := NewCredentials(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NATS_USERNAME", credentials.Username)
	t.Setenv("NATS_PASSWORD", credentials.Password)
	f := &natsFolder{Credentials: credentials, svc: svc, dir: t.TempDir()}
	f.certify(t, nil)
	return f
}

// certify mounts the certificate as it is to be after some data, as a kubelet does it by the pod's
// volume. It returns its data.
func (f *natsFolder) certify(t *testing.T, data map[string][]byte) map[string][]byte {
	t.Helper()
	data, err := certificates.RenewNATS(data, NATSHosts(f.svc), clustered(f.svc), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret, identity := NATSCertificate(f.svc, data)
	for _, item := range natsCertificateMount(f.svc, identity).Secret.Items {
		if secret.Data[item.Key] == nil {
			t.Fatalf("the Secret has %q and no %s", slices.Sorted(maps.Keys(secret.Data)), item.Key)
		}
		if err := os.WriteFile(filepath.Join(f.dir, item.Path), secret.Data[item.Key], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.authority = secret.Data[keyNATSAuthority]
	return data
}

// write writes the configuration, with this folder in the place of the pod's, and returns its file.
func (f *natsFolder) write(t *testing.T, config *corev1.ConfigMap) string {
	t.Helper()
	file := filepath.Join(f.dir, natsConfigKey)
	text := strings.ReplaceAll(config.Data[natsConfigKey], natsCertificateDir, f.dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// options are what the server reads from the configuration.
func (f *natsFolder) options(t *testing.T, config *corev1.ConfigMap) *natsserver.Options {
	t.Helper()
	options, err := natsserver.ProcessConfigFile(f.write(t, config))
	if err != nil {
		t.Fatal(err)
	}
	return options
}

// onLoopback is a configuration with a port of loopback in the place of the pod's ports.
func onLoopback(t *testing.T, config *corev1.ConfigMap) *corev1.ConfigMap {
	t.Helper()
	_, rest, found := strings.Cut(config.Data[natsConfigKey], fmt.Sprintf("port: %d\nhttp: %d\n", natsPort, natsMonitorPort))
	if !found {
		t.Fatalf("the ports are not where they were: %s", config.Data[natsConfigKey])
	}
	return &corev1.ConfigMap{Data: map[string]string{natsConfigKey: "listen: \"127.0.0.1:-1\"\n" + rest}}
}

// start runs a server on a port of loopback until the test ends.
func (f *natsFolder) start(t *testing.T, config *corev1.ConfigMap) *natsserver.Server {
	t.Helper()
	options := f.options(t, onLoopback(t, config))
	options.NoLog, options.NoSigs = true, true
	server, err := natsserver.NewServer(options)
	if err != nil {
		t.Fatalf("the server refuses its configuration: %v", err)
	}
	server.Start()
	t.Cleanup(func() { stop(server) })
	if !server.ReadyForConnections(time.Minute) {
		t.Fatal("NATS is not ready in time")
	}
	return server
}

func stop(server *natsserver.Server) {
	server.Shutdown()
	server.WaitForShutdown()
}

// encrypted connects as a gateway does: by the name of the Service, which leads to loopback here.
func (f *natsFolder) encrypted(t *testing.T, server *natsserver.Server) (*nats.Conn, error) {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(f.authority)
	host := strings.TrimSuffix(strings.TrimPrefix(natsURLs(f.svc)[0], "tls://"), ":4222")
	return f.connect(t, server, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: trusted, ServerName: host}))
}

func (f *natsFolder) connect(t *testing.T, server *natsserver.Server, options ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	address := server.Addr().(*net.TCPAddr).String()
	conn, err := nats.Connect("nats://"+address, append(options, nats.UserInfo(f.Username, f.Password), nats.NoReconnect())...)
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

// plaintextTaken reports whether a server lets a client in that does not encrypt, whatever it says
// of TLS in its INFO.
func (f *natsFolder) plaintextTaken(t *testing.T, server *natsserver.Server) bool {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	connect := `CONNECT {"verbose":false,"user":"` + f.Username + `","pass":"` + f.Password + `"}` + "\r\nPING\r\n"
	if _, err := conn.Write([]byte(connect)); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		said.Write(buffer[:n])
		if strings.Contains(said.String(), "PONG\r\n") {
			return true
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("NATS says nothing more than %q", said.String())
		}
		if err != nil {
			return false
		}
	}
}
