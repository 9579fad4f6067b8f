// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzPeerFields(f *testing.F) {
	f.Add(peerFields{address: "10.0.0.1:7443", revision: "r", leaving: true, server: "s", deltas: true}.append(nil))
	f.Add([]byte{9, 1, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, err := decodePeerFields(data)
		if err != nil {
			return
		}
		again, err := decodePeerFields(fields.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fields, again, cmp.AllowUnexported(peerFields{})); diff != "" {
			t.Errorf("fields (-first +again):\n%s", diff)
		}
	})
}

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
