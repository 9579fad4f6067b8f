// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// hostileEvent is an event of about size bytes with an attachment: elements within depth lists and
// objects.
func hostileEvent(depth, size int, element string) []byte {
	open, end := strings.Repeat(`{"a":[`, depth/2), strings.Repeat(`]}`, depth/2)
	elements := strings.Repeat(element+",", size/(len(element)+1))
	return []byte(`51-["m",` + open + elements + `{"_placeholder":true,"num":0}` + end + `]`)
}

// paths are what happens to a packet that a client has sent.
var paths = map[string]func(tb testing.TB, data []byte){
	"decode": func(tb testing.TB, data []byte) { decodedPacket(tb, data) },
	"arguments into any": func(tb testing.TB, data []byte) {
		var v any
		if err := decodeFirst(tb, data, &v); err != nil {
			tb.Fatal(err)
		}
	},
	"arguments into a struct": func(tb testing.TB, data []byte) {
		var v struct{ A json.RawMessage }
		if err := decodeFirst(tb, data, &v); err != nil && !strings.Contains(err.Error(), "cannot unmarshal") {
			tb.Fatal(err)
		}
	},
	"to msgpack and back": func(tb testing.TB, data []byte) {
		p := decodedPacket(tb, data)
		if _, err := decodeMsgpack(Msgpack.Encode(p).Attachments[0]); err != nil {
			tb.Fatal(err)
		}
	},
}

func decodedPacket(tb testing.TB, data []byte) *Packet {
	tb.Helper()
	p, n, err := decodePacket([]byte(string(data)))
	if err != nil || n != 1 {
		tb.Fatal(n, err)
	}
	p.Attachments = [][]byte{make([]byte, 1000)}
	return p
}

// decodeFirst reads the packet's first argument.
func decodeFirst(tb testing.TB, data []byte, v any) error {
	tb.Helper()
	p := decodedPacket(tb, data)
	values, err := SplitArgs(p.Payload)
	if err != nil {
		tb.Fatal(err)
	}
	return DecodeArg(values[0], p.Attachments, v)
}

// allocated counts what a path allocates. A pass for each level, or for each element, shows in it.
func allocated(t *testing.T, path func(testing.TB, []byte), data []byte) (bytes, objects uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	path(t, data)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

func TestWorkIsProportionalToSize(t *testing.T) {
	const size = 200_000
	for name, path := range paths {
		for _, element := range []string{"0", `"xxxxxxxx"`, "[]", `{"k":1}`} {
			t.Run(name+" of "+element, func(t *testing.T) {
				flat, flatObjects := allocated(t, path, hostileEvent(2, size, element))
				deep, deepObjects := allocated(t, path, hostileEvent(500, size, element))
				long, longObjects := allocated(t, path, hostileEvent(2, 4*size, element))
				if deep > 2*flat+1<<20 || deepObjects > 2*flatObjects+10_000 {
					t.Errorf("%d bytes in %d objects for a flat event, %d in %d for a deep one", flat, flatObjects, deep, deepObjects)
				}
				if long > 6*flat+1<<20 || longObjects > 6*flatObjects+10_000 {
					t.Errorf("%d bytes in %d objects, and %d in %d for four times as many elements", flat, flatObjects, long, longObjects)
				}
			})
		}
	}
}

// Some bytes that name an attachment do not become an attachment each.
func TestNamesOfAnAttachmentDoNotMultiplyIt(t *testing.T) {
	data := hostileEvent(2, 200_000, `{"_placeholder":true,"num":0}`)
	if _, _, err := decodePacket(data); err == nil {
		t.Error("the packet is taken")
	}
}

// A list of numbers is transcoded in place: nothing is made for each of them.
func TestEncodingMsgpackAllocatesNothingForAnElement(t *testing.T) {
	p := decodedPacket(t, hostileEvent(2, 200_000, "0"))
	encode := func(testing.TB, []byte) { Msgpack.Encode(p) }
	if bytes, objects := allocated(t, encode, nil); bytes > 10<<20 || objects > 1000 {
		t.Errorf("%d bytes in %d objects for 100,000 numbers", bytes, objects)
	}
}

// BenchmarkHostileEvent takes as long for a byte at any depth and breadth.
func BenchmarkHostileEvent(b *testing.B) {
	for name, path := range paths {
		for _, depth := range []int{2, 500} {
			b.Run(fmt.Sprintf("%s/depth=%d", name, depth), func(b *testing.B) {
				data := hostileEvent(depth, 900_000, "0")
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					path(b, data)
				}
			})
		}
	}
}
