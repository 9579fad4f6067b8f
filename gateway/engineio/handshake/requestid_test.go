// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"strings"
	"testing"
)

func TestRequestIDs(t *testing.T) {
	for text, want := range map[string]bool{
		"7a1f0c2e-93d4-4b8e-9a6f-0c6e2f1f7d11": true, "4bf92f3577b34da6a3ce929d0e0e4736": true,
		"Root=1-67891233-abcdef012345678912345678": true, "a/b+c==": true, "x_y~z.1:2": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a\nb": false, `a"b`: false, "ä": false, "a,b": false, "a;b": false, "a\x00": false,
	} {
		if IsRequestID(text) != want {
			t.Errorf("%q: %t, want %t", text, !want, want)
		}
	}
}
