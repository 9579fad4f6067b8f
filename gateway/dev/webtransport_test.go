// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

var overUDP = strings.Replace(greeter, "spec: {", "spec: {protocol: {webTransport: {tlsSecretRef: {name: any}}}, ", 1)

func TestWebTransportOnThePortsOfTheGateways(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greeter.yaml")
	if err := os.WriteFile(file, []byte(overUDP), 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, Options{Manifest: file, Gateways: 2})
	ports := s.await(t, `gateway 1 +http://localhost:(\d+)/\n.*gateway 2 +http://localhost:(\d+)/\n`)
	hash := s.await(t, `serverCertificateHashes: \[\{algorithm: "sha-256", value: Uint8Array\.fromBase64\("(\S+)"\)\}\]`)[1]
	// As a browser that is told the hash: the name and who signed it do not matter.
	trust := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13} // the certificate is looked at below
	bob, _ := wiretest.Connect(t, "http://127.0.0.1:"+ports[2], "/socket.io/", "/")
	for _, port := range ports[1:] {
		ada := wiretest.DialWebTransport(t, "127.0.0.1:"+port, "/socket.io/", trust)
		sum := sha256.Sum256(ada.Certificate())
		if got := base64.StdEncoding.EncodeToString(sum[:]); got != hash {
			t.Errorf("port %s shows a certificate of hash %s, want %s", port, got, hash)
		}
		ada.Open()
		ada.Send(`42["hi"]`)
		ada.Expect(`42["hello","old"]`)
		bob.Expect(`42["hello","old"]`)
	}
	if l, err := net.ListenPacket("udp", "[::1]:0"); err == nil { // localhost, to a browser
		l.Close()
		wiretest.DialWebTransport(t, "[::1]:"+ports[1], "/socket.io/", trust).Open()
	}
}

func TestWebTransportNeedsANewStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greeter.yaml")
	if err := os.WriteFile(file, []byte(greeter), 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, Options{Manifest: file, Gateways: 1})
	s.await(t, `Ctrl-C`)
	if err := os.WriteFile(file, []byte(overUDP), 0o600); err != nil {
		t.Fatal(err)
	}
	s.await(t, `is in force\.\n.*But for spec\.protocol\.webTransport`)
}

// TestBrowsersTakeTheCertificate checks what the W3C's WebTransport asks of certificates that are
// taken by their hash.
func TestBrowsersTakeTheCertificate(t *testing.T) {
	now := time.Now()
	made, err := newCertificate("192.0.2.1", now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if life := c.NotAfter.Sub(c.NotBefore); life > 14*24*time.Hour || c.NotBefore.After(now) || c.NotAfter.Before(now.Add(12*24*time.Hour)) {
		t.Errorf("it lasts from %s to %s", c.NotBefore, c.NotAfter)
	}
	if c.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("its key is %s", c.PublicKeyAlgorithm)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "192.0.2.1"} {
		if err := c.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}
