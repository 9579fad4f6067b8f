// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestDecodePayload(t *testing.T) {
	text := func(s string) Packet { return Packet{Type: Message, Data: []byte(s)} }
	for _, test := range []struct {
		name, body string
		want       []Packet
		fails      bool
	}{
		{"one", "4hello", []Packet{text("hello")}, false},
		{"several", "4a\x1e3\x1e4", []Packet{text("a"), {Type: Pong, Data: []byte{}}, text("")}, false},
		{"binary", "bAQID", []Packet{{Type: Message, Data: []byte{1, 2, 3}, Binary: true}}, false},
		{"nothing", "", nil, true},
		{"separator at the end", "4a\x1e", []Packet{text("a")}, true},
		{"separator first", "\x1e4a", nil, true},
		{"unknown type", "4a\x1e8", []Packet{text("a")}, true},
		{"not base64", "bA", nil, true},
		{"not UTF-8", "4a\x1e4\xc3", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []Packet
			err := DecodePayload([]byte(test.body), func(p Packet) bool {
				got = append(got, p)
				return true
			})
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePayloadStops(t *testing.T) {
	calls := 0
	err := DecodePayload([]byte("4a\x1e1\x1ebroken"), func(p Packet) bool {
		calls++
		return p.Type != Close
	})
	if err != nil || calls != 2 {
		t.Errorf("%d packets, %v", calls, err)
	}
}

func TestPacketsOfAPayloadDoNotOverlap(t *testing.T) {
	var all [][]byte
	if err := DecodePayload([]byte("4a\x1e4b"), func(p Packet) bool {
		all = append(all, p.Data)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	_ = append(all[0], "overwritten"...)
	if string(all[1]) != "b" {
		t.Errorf("the second packet is now %q", all[1])
	}
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
		if encoded := append([]byte{byte(p.Type)}, p.Data...); !bytes.Equal(encoded, b) {
			t.Errorf("%q was encoded to %q", b, encoded)
		}
		if p.Binary {
			t.Errorf("text frame %q became a binary message", b)
		}
		if q, err := Decode(b); utf8.Valid(b) && (err != nil || q.Type != p.Type) {
			t.Errorf("%q is %c in a text frame, and %c, %v in a payload", b, p.Type, q.Type, err)
		}
	})
}
