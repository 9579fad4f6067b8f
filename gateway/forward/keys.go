// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/gateway/cluster"
)

const (
	// socketIDLength is the length of the part of a session's id that has the form of a socket's
	// id: the owner's id, and random characters.
	socketIDLength = 24
	ownerLength    = 8
	// macBytes are 96 bits, which cluster.SessionMACLength characters of base64url hold.
	macBytes = cluster.SessionMACLength / 4 * 3
	// macDomain prevents the keys from authenticating anything else.
	macDomain = "realtime session id\x00"
)

var errNoSessionKey = errors.New("there is no session key")

// sessionKeys authenticate the ids of sessions. The first makes new ids, and all are accepted. They
// do not change.
type sessionKeys [][]byte

// parseKeys parses a file of gatewaypeers.SessionKeys.
func parseKeys(data []byte) (sessionKeys, error) {
	var keys sessionKeys
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		key := make([]byte, base64.StdEncoding.DecodedLen(len(fields[0])))
		n, err := base64.StdEncoding.Decode(key, fields[0])
		if err != nil {
			return nil, fmt.Errorf("read session key %d: %w", len(keys)+1, err)
		}
		if n < gatewaypeers.SessionKeyBytes {
			return nil, fmt.Errorf("session key %d has %d bytes, want %d or more", len(keys)+1, n, gatewaypeers.SessionKeyBytes)
		}
		keys = append(keys, key[:n])
	}
	if len(keys) == 0 {
		return nil, errNoSessionKey
	}
	return keys, nil
}

// seal makes a session's id from one that names the owner.
func (k sessionKeys) seal(id string) string { return id + mac(k[0], id) }

// owner returns the owner of a session by its id. It returns false for an id that was not made with
// one of the keys.
func (k sessionKeys) owner(sessionID string) (string, bool) {
	if len(sessionID) != socketIDLength+cluster.SessionMACLength {
		return "", false
	}
	id, given := sessionID[:socketIDLength], sessionID[socketIDLength:]
	for _, key := range k {
		if hmac.Equal([]byte(mac(key, id)), []byte(given)) {
			return id[:ownerLength], true
		}
	}
	return "", false
}

func mac(key []byte, id string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(macDomain))
	h.Write([]byte(id))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:macBytes])
}
