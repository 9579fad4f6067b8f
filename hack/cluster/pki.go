// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// pki writes keys and certificates of one authority, which lives as long as the cluster.
type pki struct {
	folder string
	api    string // where the API server is
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	pem    []byte
}

func newPKI(folder, api string) (*pki, error) {
	p := &pki{folder: folder, api: api}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "cluster"},
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	var err error
	if p.cert, p.key, err = p.write("ca", template); err != nil {
		return nil, err
	}
	p.pem, err = os.ReadFile(filepath.Join(folder, "ca.crt"))
	return p, err
}

// client writes the certificate of a user of the API server.
func (p *pki) client(file, user string, groups ...string) error {
	_, _, err := p.write(file, &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// server writes the certificate of a server with names and addresses.
func (p *pki) server(file string, hosts ...string) error {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	_, _, err := p.write(file, template)
	return err
}

// write makes a key and its certificate, signed by the authority or, as long as there is none, by
// itself.
func (p *pki) write(file string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().AddDate(1, 0, 0)
	issuer, issuerKey := p.cert, p.key
	if issuer == nil {
		issuer, issuerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	if err := writePEM(filepath.Join(p.folder, file+".crt"), "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	return cert, key, writeKey(filepath.Join(p.folder, file+".key"), key)
}

// keyPair writes a key and its public half, without a certificate.
func (p *pki) keyPair(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(p.folder, file+".pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return writeKey(filepath.Join(p.folder, file+".key"), key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// kubeconfig writes a certificate of a user, and a kubeconfig that holds it.
func (p *pki) kubeconfig(path, user string, groups ...string) error {
	file := filepath.Base(path)
	if err := p.client(file, user, groups...); err != nil {
		return err
	}
	var encoded [3]string
	for i, name := range []string{"ca.crt", file + ".crt", file + ".key"} {
		content, err := os.ReadFile(filepath.Join(p.folder, name))
		if err != nil {
			return err
		}
		encoded[i] = base64.StdEncoding.EncodeToString(content)
	}
	return os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: "%s", certificate-authority-data: %s}
users:
- name: user
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: cluster
  context: {cluster: cluster, user: user}
current-context: cluster
`, p.api, encoded[0], encoded[1], encoded[2]), 0o600)
}
