// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

// The common names of the certificates, for people.
const (
	peersName    = "realtime-operator gateway"
	operatorName = "realtime-operator"
)

// The keys of the operator's own certificate, which must not reach gateways: its holder can
// configure them.
const (
	keyOperator    = "operator.crt"
	keyOperatorKey = "operator.key"
)

// peerLeaves are the leaves of a service's authority: one certificate for the gateways, which
// connect to each other, so that each is server and client, and one for the operator, which
// connects to them.
var peerLeaves = []leaf{
	{
		name: peersName, certificate: gatewaypeers.Certificate, key: gatewaypeers.Key, hosts: []string{gatewaypeers.ServerName},
		usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, life: leafLife,
	},
	{
		name: operatorName, certificate: keyOperator, key: keyOperatorKey, hosts: []string{gatewaypeers.OperatorName},
		usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, life: leafLife,
	},
}

// sessionKeyLife is how long a session key makes ids. It is accepted for the same time after that.
const sessionKeyLife = 90 * 24 * time.Hour

// RenewPeers returns the data of the Secret by which a service's gateways authenticate each other:
// the files of package gatewaypeers, and, for the operator alone, its own certificate and the
// authority's key. What cannot be decoded is replaced. Nothing is used before all gateways have had
// an hour to read it, and what is no longer used stays valid for gateways that have not read the
// change, so that a renewal has no visible effect.
func RenewPeers(data map[string][]byte, now time.Time) (map[string][]byte, error) {
	next, _, err := renewAll(only(data, PeerKeys()...), peersName, peerLeaves, now)
	if err != nil {
		return nil, err
	}
	keys, err := renewSessionKeys(decodeSessionKeys(next[gatewaypeers.SessionKeys]), now)
	if err != nil {
		return nil, err
	}
	next[gatewaypeers.SessionKeys] = encodeSessionKeys(keys)
	return next, nil
}

// PeerKeys returns the keys of a Secret of RenewPeers.
func PeerKeys() []string {
	return []string{
		gatewaypeers.Authorities, gatewaypeers.Certificate, gatewaypeers.Key, gatewaypeers.SessionKeys,
		keyAuthority, keyOperator, keyOperatorKey,
	}
}

// OperatorTLS returns the TLS configuration with which the operator connects to the gateways of a
// service, from the data of RenewPeers.
func OperatorTLS(data map[string][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(data[keyOperator], data[keyOperatorKey])
	if err != nil {
		return nil, fmt.Errorf("read the operator's certificate: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(data[gatewaypeers.Authorities]) {
		return nil, errors.New("read the operator's certificate: no authority's certificate is there")
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{pair},
		RootCAs:      trusted,
		ServerName:   gatewaypeers.ServerName,
	}, nil
}

// sessionKey authenticates the ids of sessions.
type sessionKey struct {
	text string // base64
	// made is when it was made, in whole seconds.
	made time.Time
}

// renewSessionKeys returns the present keys: the one that makes ids and, before or after its time
// as the first, the next or the previous one.
func renewSessionKeys(keys []sessionKey, now time.Time) ([]sessionKey, error) {
	switch {
	case len(keys) == 0:
		return withSessionKey(nil, now)
	case len(keys) > 1 && keys[1].made.After(keys[0].made):
		if now.Sub(keys[1].made) < settle {
			return keys, nil // all must accept it before any uses it
		}
		return []sessionKey{keys[1], keys[0]}, nil
	case now.Sub(keys[0].made) >= sessionKeyLife:
		return withSessionKey(keys[:1], now)
	}
	return keys, nil
}

func withSessionKey(keys []sessionKey, now time.Time) ([]sessionKey, error) {
	secret := make([]byte, gatewaypeers.SessionKeyBytes)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a session key: %w", err)
	}
	return append(keys, sessionKey{base64.StdEncoding.EncodeToString(secret), now.UTC().Truncate(time.Second)}), nil
}

func encodeSessionKeys(keys []sessionKey) []byte {
	var data []byte
	for _, k := range keys {
		data = fmt.Appendf(data, "%s %s\n", k.text, k.made.Format(time.RFC3339))
	}
	return data
}

// decodeSessionKeys decodes all valid keys, at most two.
func decodeSessionKeys(data []byte) []sessionKey {
	var keys []sessionKey
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) != 2 || len(keys) == 2 {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(string(fields[0]))
		if err != nil || len(secret) < gatewaypeers.SessionKeyBytes {
			continue
		}
		if made, err := time.Parse(time.RFC3339, string(fields[1])); err == nil {
			keys = append(keys, sessionKey{string(fields[0]), made})
		}
	}
	return keys
}
