// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync/atomic"
)

// tokens are the tokens that are accepted over HTTP. There may be several, so that one can be
// replaced while programs still use it. The zero value has none, and accepts no request. Safe for
// concurrent use.
type tokens struct {
	// sums are their SHA-256: all of the same length, so that the time of a comparison reveals
	// nothing about a token.
	sums atomic.Pointer[[][sha256.Size]byte]
}

// set parses a file of tokens, one per line, and returns their number.
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

// allow judges an Authorization header. It always compares with all tokens.
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
