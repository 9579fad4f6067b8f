// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"encoding/base64"
	"fmt"
)

// Packets of protocol revision 3 differ from those of 4 where they are binary: the packet type, a character in base64 and
// a number in bytes, is there too (docs/engine.io-protocol/v3.md, "Encoding").

// decodeText3 reads a packet from a string, in which binary messages are base64.
func decodeText3(b []byte) (packet, error) {
	if len(b) == 0 || b[0] != binaryMark {
		return decodeText(b)
	}
	if len(b) == 1 || packetType(b[1]) != packetMessage {
		return packet{}, fmt.Errorf("binary packet %.2q is no message", b)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(b)-2))
	n, err := base64.StdEncoding.Decode(data, b[2:])
	if err != nil {
		return packet{}, fmt.Errorf("decode binary packet: %w", err)
	}
	return packet{typ: packetMessage, data: data[:n], binary: true}, nil
}

// decodeBinary3 reads a packet from bytes.
func decodeBinary3(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, errEmptyPacket
	}
	if b[0]+'0' != byte(packetMessage) {
		return packet{}, fmt.Errorf("binary packet of type %d is no message", b[0])
	}
	return packet{typ: packetMessage, data: b[1:], binary: true}, nil
}

func (m *Message) isBinary() bool { return m.data != nil }

// text3 is the packet as a string. The caller may not change it.
func (m *Message) text3() []byte {
	if !m.isBinary() {
		return m.polling
	}
	form := m.pollingForm()
	return append([]byte{binaryMark, byte(packetMessage)}, form[1:]...)
}

// binary3 is a binary message as bytes.
func (m *Message) binary3() []byte {
	return append([]byte{byte(packetMessage) - '0'}, m.data...)
}
