// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

// selfSignedLife outlives any process that keeps its identity in memory.
const selfSignedLife = 10 * 365 * 24 * time.Hour

// NewIdentity makes an identity for gateways of one process, which share it: a certificate that trusts itself and nothing else.
func NewIdentity() (*Identity, error) {
	files, err := selfSigned(time.Now())
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

func selfSigned(now time.Time) (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the gateways' key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(selfSignedLife),
		DNSNames:     []string{gatewaypeers.ServerName},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the gateways' certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the gateways' key: %w", err)
	}
	sessionKey := make([]byte, gatewaypeers.SessionKeyBytes)
	if _, err := rand.Read(sessionKey); err != nil {
		return nil, fmt.Errorf("make a session key: %w", err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return map[string]string{
		gatewaypeers.Authorities: certificate,
		gatewaypeers.Certificate: certificate,
		gatewaypeers.Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
		gatewaypeers.SessionKeys: base64.StdEncoding.EncodeToString(sessionKey) + "\n",
	}, nil
}
