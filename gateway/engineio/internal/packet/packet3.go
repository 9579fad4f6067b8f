// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"encoding/base64"
	"fmt"
)

// Packets of protocol revision 3 differ from those of 4 where they are binary: the packet type, a
// character in base64 and a number in bytes, is there too (docs/engine.io-protocol/v3.md,
// "Encoding").

// Decode3 reads a packet from a string, in which binary messages are base64.
func Decode3(b []byte) (Packet, error) {
	if len(b) == 0 || b[0] != binaryMark {
		return decodeText(b)
	}
	if len(b) == 1 || Type(b[1]) != Message {
		return Packet{}, fmt.Errorf("binary packet %.2q is no message", b)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(b)-2))
	n, err := base64.StdEncoding.Decode(data, b[2:])
	if err != nil {
		return Packet{}, fmt.Errorf("decode binary packet: %w", err)
	}
	return Packet{Type: Message, Data: data[:n], Binary: true}, nil
}

// DecodeBinary3 reads a packet from bytes.
func DecodeBinary3(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, errEmptyPacket
	}
	if b[0]+'0' != byte(Message) {
		return Packet{}, fmt.Errorf("binary packet of type %d is no message", b[0])
	}
	return Packet{Type: Message, Data: b[1:], Binary: true}, nil
}

// Base64V3 returns a binary message as text of revision 3, from that of Base64.
func Base64V3(text []byte) []byte {
	return append([]byte{binaryMark, byte(Message)}, text[1:]...)
}

// Binary3 returns a binary message as bytes of revision 3.
func Binary3(data []byte) []byte {
	return append([]byte{byte(Message) - '0'}, data...)
}
