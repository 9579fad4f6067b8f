// SPDX-License-Identifier: Apache-2.0

package wireform

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

func newText(typ packet.Type, data []byte) *Packet {
	p := Text(typ, data)
	return &p
}

func newBinary(data []byte) *Packet {
	p := Binary(data)
	return &p
}

func itself(p *Packet) *Packet { return p }

func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "4hello", "4a\x1e4b", "bAQIDBA==", "2probe\x1e3\x1e5\x1e6", "\x1e", "b", "b=", "4\xff", "0{}", "4€\x1eb/+8="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var messages []*Packet
		err := packet.DecodePayload(bytes.Clone(body), func(p packet.Packet) bool {
			if p.Binary {
				messages = append(messages, newBinary(p.Data))
			} else {
				messages = append(messages, newText(p.Type, p.Data))
			}
			return true
		})
		if err != nil {
			return
		}
		// What was decoded is encoded to a payload that means the same. It may differ in base64's
		// padding bits.
		encoded := Payload(messages, itself)
		if len(encoded) != cap(encoded) {
			t.Errorf("payload of %d bytes, foreseen %d", len(encoded), cap(encoded))
		}
		i := 0
		if err := packet.DecodePayload(encoded, func(p packet.Packet) bool {
			var again *Packet
			if p.Binary {
				again = newBinary(p.Data)
			} else {
				again = newText(p.Type, p.Data)
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

func TestEncodePayload3(t *testing.T) {
	hello, four := newText(packet.Message, []byte("hello€𝄞")), newBinary([]byte{1, 2, 3, 4})
	for _, test := range []struct {
		name     string
		messages []*Packet
		base64   bool
		want     string
		binary   bool
	}{
		{"text", []*Packet{hello, newText(packet.Pong, nil)}, false, "9:4hello€𝄞1:3", false},
		{"both for a client without bytes", []*Packet{hello, four}, true, "9:4hello€𝄞10:b4AQIDBA==", false},
		{"both", []*Packet{hello, four}, false, "\x00\x01\x03\xff4hello€𝄞\x01\x05\xff\x04\x01\x02\x03\x04", true},
		{"empty binary", []*Packet{newBinary(nil)}, false, "\x01\x01\xff\x04", true},
	} {
		body, binary := Payload3(test.messages, itself, test.base64)
		if string(body) != test.want || binary != test.binary {
			t.Errorf("%s: %q, binary %t, want %q, %t", test.name, body, binary, test.want, test.binary)
		}
	}
}

// collect decodes a payload.
func collect(decode func([]byte, func(packet.Packet) bool) error, body string) ([]packet.Packet, error) {
	var got []packet.Packet
	err := decode([]byte(body), func(p packet.Packet) bool {
		got = append(got, p)
		return true
	})
	return got, err
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
		for _, decode := range []func([]byte, func(packet.Packet) bool) error{packet.DecodePayload3, packet.DecodeBinaryPayload3} {
			packets, err := collect(decode, string(body))
			if err != nil || len(packets) == 0 {
				continue
			}
			var messages []*Packet
			for _, p := range packets {
				if p.Binary {
					messages = append(messages, newBinary(p.Data))
				} else {
					messages = append(messages, newText(p.Type, p.Data))
				}
			}
			encoded, binary := Payload3(messages, itself, base64)
			again := packet.DecodePayload3
			if binary {
				again = packet.DecodeBinaryPayload3
			}
			got, err := collect(again, string(encoded))
			if diff := cmp.Diff(packets, got); err != nil || diff != "" {
				t.Errorf("%q was encoded to %q: %v (-want +got):\n%s", body, encoded, err, diff)
			}
		}
	})
}

func TestFramesForOtherClients(t *testing.T) {
	m := newBinary([]byte{1, 2, 3, 4})
	for _, test := range []struct {
		client Client
		want   string
	}{
		{Client{Protocol: packet.Protocol4}, "\x82\x04\x01\x02\x03\x04"},
		{Client{Protocol: packet.Protocol4, Base64: true}, "\x81\x09bAQIDBA=="},
		{Client{Protocol: packet.Protocol3}, "\x82\x05\x04\x01\x02\x03\x04"},
		{Client{Protocol: packet.Protocol3, Base64: true}, "\x81\x0ab4AQIDBA=="},
	} {
		if got := test.client.Frame(m); string(got) != test.want {
			t.Errorf("protocol %d, base64 %t: frame %q, want %q", test.client.Protocol, test.client.Base64, got, test.want)
		}
	}
	big := newBinary(bytes.Repeat([]byte("a"), 1000))
	if got := (&Client{Protocol: packet.Protocol3, Deflate: 10}).Frame(big); got[0] != websocket.FinalBinary|websocket.CompressedBit || len(got) > 100 {
		t.Errorf("frame begins with %x and has %d bytes", got[0], len(got))
	}
}
