// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/rand"
	"encoding/base64"
)

// NewID returns 120 random bits as 20 characters of base64url.
func NewID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
