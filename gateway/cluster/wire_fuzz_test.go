// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A session is a record and the deltas behind it, as other gateways have written them.
func FuzzSession(f *testing.F) {
	whole := record{SocketID: "s", Namespace: "/", Gateway: "g", Floor: 3, Rooms: map[string]uint64{"a": 4}, Left: map[string]span{"b": {5, 6}}}
	next := delta{By: "w", Base: 7, Index: 1, Joined: []string{"c"}, Left: []string{"a"}, Data: []byte("{}"), HasData: true}
	f.Add(whole.encode(), next.encode())
	f.Add([]byte(`{"rooms":null}`), []byte(`{"base":7,"index":1,"gone":5}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r, err := foldSession([]storedMessage{{number: 7, data: first}, {number: 8, data: second}})
		if err != nil {
			return
		}
		again, err := decodeRecord(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		again.settle(8)
		r.settle(8)
		if !bytes.Equal(again.encode(), r.encode()) {
			t.Errorf("%s becomes %s", r.encode(), again.encode())
		}
		_ = r.check(nameBytes(r.Rooms), 1<<20)
	})
}

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

func FuzzFence(f *testing.F) {
	f.Add(encodeFence("pid", 7))
	f.Add([]byte("pid.7.later"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pid, number := decodeFence(data)
		if strings.Contains(pid, ".") {
			t.Errorf("the pid of %q is %q", data, pid)
		}
		if again, n := decodeFence(encodeFence(pid, number)); again != pid || n != number {
			t.Errorf("%q, %d becomes %q, %d", pid, number, again, n)
		}
	})
}
