// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// collect decodes a payload.
func collect(decode func([]byte, func(packet) bool) error, body string) ([]packet, error) {
	var got []packet
	err := decode([]byte(body), func(p packet) bool {
		got = append(got, p)
		return true
	})
	return got, err
}

func TestDecodePayload3(t *testing.T) {
	text := func(s string) packet { return packet{typ: packetMessage, data: []byte(s)} }
	bytes := func(s string) packet { return packet{typ: packetMessage, data: []byte(s), binary: true} }
	for _, test := range []struct {
		name, body string
		want       []packet
		fails      bool
	}{
		{"one", "6:4hello", []packet{text("hello")}, false},
		{"several", "6:4test11:26:4test2", []packet{text("test1"), {typ: packetPing, data: []byte{}}, text("test2")}, false},
		{"binary", "6:4hello10:b4AQIDBA==", []packet{text("hello"), bytes("\x01\x02\x03\x04")}, false},
		{"a colon in the message", "4:4a:b", []packet{text("a:b")}, false},
		{"length in UTF-16", "2:4€3:4𝄞2:4a", []packet{text("€"), text("𝄞"), text("a")}, false},
		{"packets of no length are passed over", "0:2:4a0:", []packet{text("a")}, false},
		{"leading zeros", "002:4a", []packet{text("a")}, false},
		{"half a surrogate pair", "2:4𝄞", nil, true},
		{"nothing", "", nil, true},
		{"no length", "abc", nil, true},
		{"no digits", ":4a", nil, true},
		{"length that is none", "1e0:4", nil, true},
		{"negative length", "-1:4", nil, true},
		{"length too long", "0000000002:4a", nil, true},
		{"more announced than there is", "2:4a3:4a", []packet{text("a")}, true},
		{"digits at the end", "2:4a12", []packet{text("a")}, true},
		{"unknown type", "2:8a", nil, true},
		{"binary that is no message", "6:b2AAAA", nil, true},
		{"binary of no type", "1:b", nil, true},
		{"not base64", "4:b4A!", nil, true},
		{"not UTF-8", "2:4\xff", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := collect(decodePayload3, test.body)
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(packet{})); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeBinaryPayload3(t *testing.T) {
	hello := packet{typ: packetMessage, data: []byte("hello")}
	for _, test := range []struct {
		name, body string
		want       []packet
		fails      bool
	}{
		{"both kinds", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", []packet{
			hello, {typ: packetMessage, data: []byte{1, 2, 3, 4}, binary: true},
		}, false},
		{"two digits, in bytes", "\x00\x01\x00\xff4" + strings.Repeat("€", 3), []packet{{typ: packetMessage, data: []byte("€€€")}}, false},
		{"string in base64", "\x00\x06\xffb4AQID", []packet{{typ: packetMessage, data: []byte{1, 2, 3}, binary: true}}, false},
		{"nothing", "", nil, true},
		{"unknown kind", "\x02\x06\xff4hello", nil, true},
		{"digits as characters", "\x006\xff4hello", nil, true},
		{"no digits", "\x00\xff", nil, true},
		{"no end of the length", "\x00\x06", nil, true},
		{"too many digits", "\x00" + strings.Repeat("\x01", 10) + "\xff", nil, true},
		{"more announced than there is", "\x00\x07\xff4hello", nil, true},
		{"less announced than there is", "\x00\x06\xff4hello!", []packet{hello}, true},
		{"empty packet", "\x01\x00\xff", nil, true},
		{"string that is not UTF-8", "\x00\x02\xff4\xff", nil, true},
		{"binary that is no message", "\x01\x01\xff\x02", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := collect(decodeBinaryPayload3, test.body)
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(packet{})); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodePayload3Stops(t *testing.T) {
	for _, body := range []string{"2:4a1:1x", "\x00\x02\xff4a\x00\x01\xff1x"} {
		decode := decodePayload3
		if body[0] == 0 {
			decode = decodeBinaryPayload3
		}
		calls := 0
		if err := decode([]byte(body), func(p packet) bool {
			calls++
			return p.typ != packetClose
		}); err != nil || calls != 2 {
			t.Errorf("%q: %d packets, %v", body, calls, err)
		}
	}
}

func TestEncodePayload3(t *testing.T) {
	hello, four := NewText([]byte("hello€𝄞")), NewBinary([]byte{1, 2, 3, 4})
	for _, test := range []struct {
		name        string
		messages    []*Message
		base64      bool
		want        string
		contentType string
	}{
		{"text", []*Message{hello, pongPacket}, false, "9:4hello€𝄞1:3", contentTypeText},
		{"both for a client without bytes", []*Message{hello, four}, true, "9:4hello€𝄞10:b4AQIDBA==", contentTypeText},
		{"both", []*Message{hello, four}, false, "\x00\x01\x03\xff4hello€𝄞\x01\x05\xff\x04\x01\x02\x03\x04", contentTypeBytes},
		{"empty binary", []*Message{NewBinary(nil)}, false, "\x01\x01\xff\x04", contentTypeBytes},
	} {
		body, contentType := encodePayload3(test.messages, test.base64)
		if string(body) != test.want || contentType != test.contentType {
			t.Errorf("%s: %q as %s, want %q as %s", test.name, body, contentType, test.want, test.contentType)
		}
	}
}

func TestJSONP(t *testing.T) {
	if got, want := string(wrapJSONP("7", []byte("1:4\"<\n\u2028\u2029€"))), `___eio[7]("1:4\"<\n\u2028\u2029€");`; got != want {
		t.Errorf("script %s, want %s", got, want)
	}
	for body, want := range map[string]string{
		"d=6%3A4hello":     "6:4hello",
		"d=4%3A4a+b":       "4:4a b",
		`d=3%3A4%5Cn`:      "3:4\n",
		`d=4%3A4%5C%5Cn`:   `4:4\n`,
		"x=1&d=2%3A4a&d=3": "2:4a",
	} {
		if got, err := unwrapJSONP([]byte(body)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"", "x=1", "d=%zz", "d=1;e=2"} {
		if got, err := unwrapJSONP([]byte(body)); err == nil {
			t.Errorf("%q: %q", body, got)
		}
	}
}

func FuzzPayload3(f *testing.F) {
	for _, seed := range []string{
		"", "6:4hello", "6:4test16:4test2", "10:b4AQIDBA==", "3:4𝄞", "2:4€0:", ":", "9", "99999999999:4",
		"\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", "\x01\x01\xff\x04", "\x00\xff", "\x00\x00\xff",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, base64 bool) {
		for _, decode := range []func([]byte, func(packet) bool) error{decodePayload3, decodeBinaryPayload3} {
			packets, err := collect(decode, string(body))
			if err != nil || len(packets) == 0 {
				continue
			}
			var messages []*Message
			for _, p := range packets {
				if p.binary {
					messages = append(messages, NewBinary(p.data))
				} else {
					messages = append(messages, newTextPacket(p.typ, p.data))
				}
			}
			encoded, contentType := encodePayload3(messages, base64)
			again := decodePayload3
			if contentType == contentTypeBytes {
				again = decodeBinaryPayload3
			}
			got, err := collect(again, string(encoded))
			if diff := cmp.Diff(packets, got, cmp.AllowUnexported(packet{})); err != nil || diff != "" {
				t.Errorf("%q was encoded to %q: %v (-want +got):\n%s", body, encoded, err, diff)
			}
		}
	})
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

func TestFramesForOtherClients(t *testing.T) {
	m := NewBinary([]byte{1, 2, 3, 4})
	for _, test := range []struct {
		ws   webSocket
		want string
	}{
		{webSocket{protocol: protocol4}, "\x82\x04\x01\x02\x03\x04"},
		{webSocket{protocol: protocol4, base64: true}, "\x81\x09bAQIDBA=="},
		{webSocket{protocol: protocol3}, "\x82\x05\x04\x01\x02\x03\x04"},
		{webSocket{protocol: protocol3, base64: true}, "\x81\x0ab4AQIDBA=="},
	} {
		if got := test.ws.frame(m); string(got) != test.want {
			t.Errorf("protocol %d, base64 %t: frame %q, want %q", test.ws.protocol, test.ws.base64, got, test.want)
		}
	}
	big := NewBinary(bytes.Repeat([]byte("a"), 1000))
	if got := (&webSocket{protocol: protocol3, deflate: 10}).frame(big); got[0] != websocket.FinalBinary|websocket.CompressedBit || len(got) > 100 {
		t.Errorf("frame begins with %x and has %d bytes", got[0], len(got))
	}
}
