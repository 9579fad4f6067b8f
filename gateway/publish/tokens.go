// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync/atomic"
)

// tokens are those that open HTTP. Several may be, so that one can be replaced while programs still
// use it. The zero value has none, and lets nobody in. Safe for concurrent use.
type tokens struct {
	// sums are their SHA-256: all of one length, so that comparing takes a time that says nothing
	// of a token.
	sums atomic.Pointer[[][sha256.Size]byte]
}

// set reads a file of tokens, one a line, and returns how many there are.
func (t *tokens) set(file []byte) int {
	sums := [][sha256.Size]byte{}
	for line := range strings.Lines(string(file)) {
		if token := strings.TrimSpace(line); token != "" {
			sums = append(sums, sha256.Sum256([]byte(token)))
		}
	}
	t.sums.Store(&sums)
	return len(sums)
}

// allow judges an Authorization header. It compares with all tokens, whichever fits.
func (t *tokens) allow(header string) bool {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	sums := t.sums.Load()
	if !strings.EqualFold(scheme, "Bearer") || token == "" || sums == nil {
		return false
	}
	sum, found := sha256.Sum256([]byte(token)), 0
	for _, s := range *sums {
		found |= subtle.ConstantTimeCompare(sum[:], s[:])
	}
	return found == 1
}
