// SPDX-License-Identifier: Apache-2.0

// Package certtest makes certificates for tests, and puts them where gateways read them.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Pair is a certificate that is signed by itself, for 127.0.0.1, and its key, as PEM.
type Pair struct {
	Certificate, Key []byte
}

// New makes a certificate of a name that lasts for less than a day.
func New(t testing.TB, name string) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(23 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	return sign(t, template, template, key, key)
}

// sign makes the certificate of a key, signed by another one or by itself.
func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) Pair {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}

// Authority signs certificates for tests.
type Authority struct {
	// Certificate is PEM.
	Certificate []byte
	parsed      *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one that lasts for less than a day.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(23 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if template, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &Authority{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), template, key}
}

// Issue makes a certificate for names, for servers and clients.
func (a *Authority) Issue(t testing.TB, names ...string) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(23 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	return sign(t, template, a.parsed, key, a.key)
}

// TLS shows a certificate to a server of a name, and trusts the authority.
func (a *Authority) TLS(t testing.TB, server string, shown Pair) *tls.Config {
	t.Helper()
	config := Trusting(t, Pair{Certificate: a.Certificate})
	config.ServerName = server
	if shown.Key != nil {
		pair, err := tls.X509KeyPair(shown.Certificate, shown.Key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

// Trusting is the configuration of a client that takes these certificates and no others.
func Trusting(t testing.TB, pairs ...Pair) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	for _, p := range pairs {
		if !roots.AppendCertsFromPEM(p.Certificate) {
			t.Fatal("no certificate")
		}
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
}

// Mount writes tls.crt and tls.key to a folder as the kubelet does: both change at once, by a
// symbolic link.
func Mount(t testing.TB, dir string, p Pair) {
	t.Helper()
	version, err := os.MkdirTemp(dir, "..version-")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"tls.crt": p.Certificate, "tls.key": p.Key} {
		if err := os.WriteFile(filepath.Join(version, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(dir, name)
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join("..data", name), link); err != nil {
			t.Fatal(err)
		}
	}
	// Renaming is what changes both files at once.
	fresh := filepath.Join(dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(version), fresh); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(fmt.Errorf("swap the link: %w", err))
	}
}
