// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"testing"
)

func TestCertificatesAreOfTheAuthority(t *testing.T) {
	folder := t.TempDir()
	authority, err := newPKI(folder, "https://192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.server("server", "server.example", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if err := authority.client("user", "ada", "admins"); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.pem)
	load := func(file string) *x509.Certificate {
		t.Helper()
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, file+".crt"), filepath.Join(folder, file+".key"))
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	for _, host := range []string{"server.example", "192.0.2.1"} {
		if _, err := load("server").Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("the server as %s: %v", host, err)
		}
	}
	user := load("user")
	if _, err := user.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("the user: %v", err)
	}
	if user.Subject.CommonName != "ada" || user.Subject.Organization[0] != "admins" {
		t.Errorf("the user is %v, want ada of admins", user.Subject)
	}
}
