// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
)

func FuzzEcho(f *testing.F) {
	f.Add(encodeEcho("12345678", 9, "server"))
	f.Fuzz(func(t *testing.T, data []byte) {
		gateway, number, server, err := decodeEcho(data)
		if err != nil {
			return
		}
		g, n, s, err := decodeEcho(encodeEcho(gateway, number, server))
		if err != nil || g != gateway || n != number || s != server {
			t.Errorf("%q, %d, %q becomes %q, %d, %q: %v", gateway, number, server, g, n, s, err)
		}
	})
}
