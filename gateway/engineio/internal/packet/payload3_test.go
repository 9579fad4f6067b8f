// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// collect decodes a payload.
func collect(decode func([]byte, func(Packet) bool) error, body string) ([]Packet, error) {
	var got []Packet
	err := decode([]byte(body), func(p Packet) bool {
		got = append(got, p)
		return true
	})
	return got, err
}

func TestDecodePayload3(t *testing.T) {
	text := func(s string) Packet { return Packet{Type: Message, Data: []byte(s)} }
	bytes := func(s string) Packet { return Packet{Type: Message, Data: []byte(s), Binary: true} }
	for _, test := range []struct {
		name, body string
		want       []Packet
		fails      bool
	}{
		{"one", "6:4hello", []Packet{text("hello")}, false},
		{"several", "6:4test11:26:4test2", []Packet{text("test1"), {Type: Ping, Data: []byte{}}, text("test2")}, false},
		{"binary", "6:4hello10:b4AQIDBA==", []Packet{text("hello"), bytes("\x01\x02\x03\x04")}, false},
		{"a colon in the message", "4:4a:b", []Packet{text("a:b")}, false},
		{"length in UTF-16", "2:4€3:4𝄞2:4a", []Packet{text("€"), text("𝄞"), text("a")}, false},
		{"packets of no length are passed over", "0:2:4a0:", []Packet{text("a")}, false},
		{"leading zeros", "002:4a", []Packet{text("a")}, false},
		{"half a surrogate pair", "2:4𝄞", nil, true},
		{"nothing", "", nil, true},
		{"no length", "abc", nil, true},
		{"no digits", ":4a", nil, true},
		{"length that is none", "1e0:4", nil, true},
		{"negative length", "-1:4", nil, true},
		{"length too long", "0000000002:4a", nil, true},
		{"more announced than there is", "2:4a3:4a", []Packet{text("a")}, true},
		{"digits at the end", "2:4a12", []Packet{text("a")}, true},
		{"unknown type", "2:8a", nil, true},
		{"binary that is no message", "6:b2AAAA", nil, true},
		{"binary of no type", "1:b", nil, true},
		{"not base64", "4:b4A!", nil, true},
		{"not UTF-8", "2:4\xff", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := collect(DecodePayload3, test.body)
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeBinaryPayload3(t *testing.T) {
	hello := Packet{Type: Message, Data: []byte("hello")}
	for _, test := range []struct {
		name, body string
		want       []Packet
		fails      bool
	}{
		{"both kinds", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", []Packet{
			hello, {Type: Message, Data: []byte{1, 2, 3, 4}, Binary: true},
		}, false},
		{"two digits, in bytes", "\x00\x01\x00\xff4" + strings.Repeat("€", 3), []Packet{{Type: Message, Data: []byte("€€€")}}, false},
		{"string in base64", "\x00\x06\xffb4AQID", []Packet{{Type: Message, Data: []byte{1, 2, 3}, Binary: true}}, false},
		{"nothing", "", nil, true},
		{"unknown kind", "\x02\x06\xff4hello", nil, true},
		{"digits as characters", "\x006\xff4hello", nil, true},
		{"no digits", "\x00\xff", nil, true},
		{"no end of the length", "\x00\x06", nil, true},
		{"too many digits", "\x00" + strings.Repeat("\x01", 10) + "\xff", nil, true},
		{"more announced than there is", "\x00\x07\xff4hello", nil, true},
		{"less announced than there is", "\x00\x06\xff4hello!", []Packet{hello}, true},
		{"empty packet", "\x01\x00\xff", nil, true},
		{"string that is not UTF-8", "\x00\x02\xff4\xff", nil, true},
		{"binary that is no message", "\x01\x01\xff\x02", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := collect(DecodeBinaryPayload3, test.body)
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePayload3Stops(t *testing.T) {
	for _, body := range []string{"2:4a1:1x", "\x00\x02\xff4a\x00\x01\xff1x"} {
		decode := DecodePayload3
		if body[0] == 0 {
			decode = DecodeBinaryPayload3
		}
		calls := 0
		if err := decode([]byte(body), func(p Packet) bool {
			calls++
			return p.Type != Close
		}); err != nil || calls != 2 {
			t.Errorf("%q: %d packets, %v", body, calls, err)
		}
	}
}

func TestJSONP(t *testing.T) {
	if got, want := string(WrapJSONP("7", []byte("1:4\"<\n\u2028\u2029€"))), `___eio[7]("1:4\"<\n\u2028\u2029€");`; got != want {
		t.Errorf("script %s, want %s", got, want)
	}
	for body, want := range map[string]string{
		"d=6%3A4hello":     "6:4hello",
		"d=4%3A4a+b":       "4:4a b",
		`d=3%3A4%5Cn`:      "3:4\n",
		`d=4%3A4%5C%5Cn`:   `4:4\n`,
		"x=1&d=2%3A4a&d=3": "2:4a",
	} {
		if got, err := UnwrapJSONP([]byte(body)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"", "x=1", "d=%zz", "d=1;e=2"} {
		if got, err := UnwrapJSONP([]byte(body)); err == nil {
			t.Errorf("%q: %q", body, got)
		}
	}
}

func FuzzUTF16Len(f *testing.F) {
	f.Add("a€𝄞")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		n := utf16Len([]byte(s))
		if want := len(utf16.Encode([]rune(s))); n != want {
			t.Errorf("%q has %d code units, want %d", s, n, want)
		}
		if size, ok := utf16Prefix(append([]byte(s), "rest"...), n); !ok || size != len(s) {
			t.Errorf("%d code units of %q are %d bytes, %t", n, s, size, ok)
		}
	})
}
