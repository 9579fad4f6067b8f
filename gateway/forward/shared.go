// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

// SecretBytes is the minimum length of a secret of SharedIdentity.
const SecretBytes = 32

// The HKDF infos (RFC 5869) of what is derived from a secret.
const (
	infoCertificate = "realtime peers certificate"
	infoSessionKey  = "realtime session key"
)

var (
	// errShortSecret: nothing that is derived from a secret is stronger than the secret.
	errShortSecret = fmt.Errorf("a secret that servers share needs %d random bytes or more", SecretBytes)
	errNoSecret    = errors.New("servers that forward to each other need a secret that they share")
)

// The certificates of a secret are the same wherever and whenever they are made, so their validity
// is fixed. A secret is replaced by configuration, not by expiry.
var (
	sharedFrom  = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)
	sharedUntil = time.Date(2120, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// SharedIdentity makes an identity from secrets that all servers of a service know, and nobody
// else: random bytes, 32 or more each. This server uses the first; peers and sessions of the others
// are accepted, so that a secret is replaced in three steps: the new one after the old one, before
// it, alone.
func SharedIdentity(secrets ...[]byte) (*Identity, error) {
	files, err := sharedFiles(secrets...)
	if err != nil {
		return nil, err
	}
	g, err := newGeneration(files)
	if err != nil {
		return nil, err
	}
	i := &Identity{}
	i.current.Store(g)
	return i, nil
}

// NewIdentity makes an identity for the gateways of one process, which share it and nothing else,
// from a random secret.
func NewIdentity() (*Identity, error) {
	secret := make([]byte, SecretBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return SharedIdentity(secret)
}

// sharedFiles are the files of package gatewaypeers that are derived from secrets.
func sharedFiles(secrets ...[]byte) (map[string]string, error) {
	if len(secrets) == 0 {
		return nil, errNoSecret
	}
	files := map[string]string{}
	var trusted, keys strings.Builder
	for n, secret := range secrets {
		if len(secret) < SecretBytes {
			return nil, errShortSecret
		}
		certificate, key, err := sharedCertificate(secret)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			files[gatewaypeers.Certificate], files[gatewaypeers.Key] = certificate, key
		}
		trusted.WriteString(certificate)
		sessionKey, err := hkdf.Key(sha256.New, secret, nil, infoSessionKey, gatewaypeers.SessionKeyBytes)
		if err != nil {
			return nil, fmt.Errorf("make a session key: %w", err)
		}
		keys.WriteString(base64.StdEncoding.EncodeToString(sessionKey) + "\n")
	}
	files[gatewaypeers.Authorities], files[gatewaypeers.SessionKeys] = trusted.String(), keys.String()
	return files, nil
}

// sharedCertificate returns a certificate that trusts only itself, and its key.
func sharedCertificate(secret []byte) (certificate, key string, err error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, infoCertificate, ed25519.SeedSize)
	if err != nil {
		return "", "", fmt.Errorf("make the servers' key: %w", err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    sharedFrom,
		NotAfter:     sharedUntil,
		DNSNames:     []string{gatewaypeers.ServerName},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private) // Ed25519 uses no randomness
	if err != nil {
		return "", "", fmt.Errorf("make the servers' certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", fmt.Errorf("encode the servers' key: %w", err)
	}
	certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return certificate, key, nil
}
