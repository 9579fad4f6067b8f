// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

// peers is for the gateways of a service, which call each other: each is server and client.
var peers = purpose{
	"realtime-operator gateway", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, leafLife,
}

// sessionKeyLife is how long a session key makes ids. It is accepted for as long again.
const sessionKeyLife = 90 * 24 * time.Hour

// AuthorityKey is the key of a Secret of RenewPeers that gateways do not need, and are not to get: whoever has it can make others
// of them.
const AuthorityKey = keyAuthority

// RenewPeers returns what a service's gateways show to each other as it should be now: the files of package gatewaypeers, and
// AuthorityKey. What cannot be read is made anew. Nothing is used before all gateways have had an hour to hear of it, and
// what is used no more stays good for those that have not, so that a renewal is noticed by nobody.
func RenewPeers(data map[string][]byte, now time.Time) (map[string][]byte, error) {
	ours := only(data, gatewaypeers.Authorities, keyAuthority, gatewaypeers.Certificate, gatewaypeers.Key, gatewaypeers.SessionKeys)
	next, _, err := peers.renew(ours, []string{gatewaypeers.ServerName}, now)
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

// sessionKey authenticates the ids of sessions.
type sessionKey struct {
	text string // base64
	// made is when it was made, in whole seconds.
	made time.Time
}

// renewSessionKeys returns the keys as they should be now: the one that makes ids, and before or after its time in the first place
// the next one or the last one.
func renewSessionKeys(keys []sessionKey, now time.Time) ([]sessionKey, error) {
	switch {
	case len(keys) == 0:
		return withSessionKey(nil, now)
	case len(keys) > 1 && keys[1].made.After(keys[0].made):
		if now.Sub(keys[1].made) < settle {
			return keys, nil // all must accept it before one makes ids with it
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

// decodeSessionKeys reads as many as can be read, at most two.
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
