// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestDecodePayload(t *testing.T) {
	text := func(s string) packet { return packet{typ: packetMessage, data: []byte(s)} }
	for _, test := range []struct {
		name, body string
		want       []packet
		fails      bool
	}{
		{"one", "4hello", []packet{text("hello")}, false},
		{"several", "4a\x1e3\x1e4", []packet{text("a"), {typ: packetPong, data: []byte{}}, text("")}, false},
		{"binary", "bAQID", []packet{{typ: packetMessage, data: []byte{1, 2, 3}, binary: true}}, false},
		{"nothing", "", nil, true},
		{"separator at the end", "4a\x1e", []packet{text("a")}, true},
		{"separator first", "\x1e4a", nil, true},
		{"unknown type", "4a\x1e8", []packet{text("a")}, true},
		{"not base64", "bA", nil, true},
		{"not UTF-8", "4a\x1e4\xc3", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []packet
			err := decodePayload([]byte(test.body), func(p packet) bool {
				got = append(got, p)
				return true
			})
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(packet{})); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePayloadStops(t *testing.T) {
	calls := 0
	err := decodePayload([]byte("4a\x1e1\x1ebroken"), func(p packet) bool {
		calls++
		return p.typ != packetClose
	})
	if err != nil || calls != 2 {
		t.Errorf("%d packets, %v", calls, err)
	}
}

func TestPacketsOfAPayloadDoNotOverlap(t *testing.T) {
	var all [][]byte
	if err := decodePayload([]byte("4a\x1e4b"), func(p packet) bool {
		all = append(all, p.data)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	_ = append(all[0], "overwritten"...)
	if string(all[1]) != "b" {
		t.Errorf("the second packet is now %q", all[1])
	}
}

func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "4hello", "4a\x1e4b", "bAQIDBA==", "2probe\x1e3\x1e5\x1e6", "\x1e", "b", "b=", "4\xff", "0{}", "4€\x1eb/+8="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var messages []*Message
		err := decodePayload(bytes.Clone(body), func(p packet) bool {
			if p.binary {
				messages = append(messages, NewBinary(p.data))
			} else {
				messages = append(messages, newTextPacket(p.typ, p.data))
			}
			return true
		})
		if err != nil {
			return
		}
		// What was decoded is encoded to a payload that means the same. It may differ in base64's padding bits.
		encoded := appendPayload(nil, messages)
		if len(encoded) != payloadSize(messages) {
			t.Errorf("payload of %d bytes, foreseen %d", len(encoded), payloadSize(messages))
		}
		i := 0
		if err := decodePayload(encoded, func(p packet) bool {
			var again *Message
			if p.binary {
				again = NewBinary(p.data)
			} else {
				again = newTextPacket(p.typ, p.data)
			}
			if !bytes.Equal(again.frame, messages[i].frame) {
				t.Errorf("packet %d: %q became %q", i, messages[i].frame, again.frame)
			}
			i++
			return true
		}); err != nil || i != len(messages) {
			t.Errorf("%q was encoded to %q: %d packets, %v", body, encoded, i, err)
		}
	})
}

func FuzzPacket(f *testing.F) {
	for _, seed := range []string{"", "4hello", "2probe", "3", "bAQ==", "b", "7", "\xff", "44"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodeText(b)
		if err != nil {
			if len(b) == 0 != errors.Is(err, errEmptyPacket) {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if frame := newTextPacket(p.typ, p.data).frame; !bytes.HasSuffix(frame, b) {
			t.Errorf("%q was encoded to %q", b, frame)
		}
		if p.binary {
			t.Errorf("text frame %q became a binary message", b)
		}
		if q, err := decodePolling(b); utf8.Valid(b) && (err != nil || q.typ != p.typ) {
			t.Errorf("%q is %c in a text frame, and %c, %v in a payload", b, p.typ, q.typ, err)
		}
	})
}
