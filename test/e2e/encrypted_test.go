//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// testEncryptedNATS publishes as a program does that mounts the Secrets of a service's NATS, and
// tries to without TLS.
func testEncryptedNATS(t *testing.T) {
	s := apply(t, newNamespace(t, "encrypted"), withReplicas(t, sample(t, "chat"), 2))
	eventually(t, 60*time.Second, "both gateways are ready", func() error { return want("gateways", len(s.pods()), 2) })
	c := startClients(t)
	c.connect("ada", s.url())
	c.wait("ada", "connect", 20*time.Second, anything)

	s.checkPlaintextRefused()
	conn := s.connectEncrypted()
	document := `{"namespace":"/","event":"newMessage","args":[{"username":"billing","message":"paid"}]}`
	answer, err := conn.Request("realtime.emit."+s.namespace+"."+s.name, []byte(document), 20*time.Second)
	if err != nil {
		t.Fatalf("publishing over NATS: %v", err)
	}
	if err := want("the answer", string(answer.Data), `{"ok":true}`); err != nil {
		t.Error(err)
	}
	c.wait("ada", "newMessage", 20*time.Second, func(args []any) bool { return text(args) == "paid" })
}

// natsAddress leads to the service's NATS: a ClusterIP, which unlike a pod's address is routed to
// where the tests run.
func (s *service) natsAddress() string {
	s.t.Helper()
	const name = "nats-for-tests"
	if s.kubectl("get", "service/"+name, "--ignore-not-found", "--output=name") == "" {
		s.kubectl("expose", "pod/"+s.name+"-nats-0", "--name="+name, "--port=4222")
	}
	return s.kubectl("get", "service/"+name, "--output=jsonpath={.spec.clusterIP}:4222")
}

// secret reads a key of a Secret.
func (s *service) secret(name, key string) string {
	s.t.Helper()
	var keys struct{ Data map[string]string }
	if err := json.Unmarshal([]byte(s.kubectl("get", "secret/"+name, "--output=json")), &keys); err != nil {
		s.t.Fatal(err)
	}
	value, err := base64.StdEncoding.DecodeString(keys.Data[key])
	if err != nil {
		s.t.Fatal(err)
	}
	return string(value)
}

// connectEncrypted connects to the service's NATS until the test ends.
func (s *service) connectEncrypted() *nats.Conn {
	s.t.Helper()
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(s.secret(s.name+"-nats-tls", "ca.crt"))) {
		s.t.Fatal("the Secret has no authority")
	}
	host := s.name + "-nats." + s.namespace + ".svc"
	conn, err := nats.Connect("tls://"+s.natsAddress(),
		nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: trusted, ServerName: host}), nats.UserInfo(s.natsUser()))
	if err != nil {
		s.t.Fatalf("connecting to NATS: %v", err)
	}
	s.t.Cleanup(conn.Close)
	return conn
}

func (s *service) natsUser() (name, password string) {
	s.t.Helper()
	return s.secret(s.name+"-nats-credentials", "username"), s.secret(s.name+"-nats-credentials", "password")
}

// checkPlaintextRefused says the right password to NATS, and does not encrypt it.
func (s *service) checkPlaintextRefused() {
	s.t.Helper()
	conn, err := net.DialTimeout("tcp", s.natsAddress(), 20*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	user, password := s.natsUser()
	if _, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"user\":%q,\"pass\":%q}\r\nPING\r\n", user, password); err != nil {
		s.t.Fatal(err)
	}
	said, err := io.ReadAll(conn) // NATS closes the connection
	if err == nil && !strings.Contains(string(said), `"tls_required":true`) {
		err = fmt.Errorf("it says %q", said)
	}
	if err != nil || strings.Contains(string(said), "PONG") {
		s.t.Errorf("NATS lets a client in that does not encrypt, or says nothing of TLS: %v", err)
	}
}
