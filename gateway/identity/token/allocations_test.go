// SPDX-License-Identifier: Apache-2.0

// The race detector has allocations of its own.
//go:build !race

package token

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

// All clients may come at once, so that verifying a token leaves little for the garbage collector.
func TestAllocationsPerToken(t *testing.T) {
	v := newVerifier(t, allKeys(t))
	token := rsaKey().Sign(t, "RS256", claimsWith(map[string]any{"name": strings.Repeat("x", 300)}))
	const most = 26 // ten of them are those of crypto/rsa
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(identity.AtOnce, token); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > most {
		t.Errorf("a token with RS256 makes %v allocations, want at most %d", allocations, most)
	}
}
