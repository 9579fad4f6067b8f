// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// The protocol revisions. Socket.IO clients of 3.x and later speak 4, those of 1.x and 2.x speak 3.
const (
	Protocol3 = 3
	Protocol4 = 4
)

// Type is the first character of a packet (Engine.IO protocol v4, "Packet types").
type Type byte

// The types.
const (
	Open    Type = '0'
	Close   Type = '1'
	Ping    Type = '2'
	Pong    Type = '3'
	Message Type = '4'
	Upgrade Type = '5'
	Noop    Type = '6'

	// binaryMark begins a binary message in a polling payload; base64 follows.
	binaryMark = 'b'
)

var errEmptyPacket = errors.New("empty packet")

// Packet is a packet from the client. Its data is a part of the bytes it was decoded from, except
// for base64.
type Packet struct {
	Data   []byte
	Type   Type
	Binary bool
}

// decodeText decodes a packet in a WebSocket text frame.
func decodeText(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, errEmptyPacket
	}
	if b[0] < byte(Open) || b[0] > byte(Noop) {
		return Packet{}, fmt.Errorf("unknown packet type %q", b[0])
	}
	return Packet{Type: Type(b[0]), Data: b[1:]}, nil
}

// Decode decodes a packet in text, in which binary messages are base64: in a polling payload, or in
// a WebSocket text frame of a client that cannot send bytes.
func Decode(b []byte) (Packet, error) {
	if len(b) == 0 || b[0] != binaryMark {
		return decodeText(b)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(b)-1))
	n, err := base64.StdEncoding.Decode(data, b[1:])
	if err != nil {
		return Packet{}, fmt.Errorf("decode binary packet: %w", err)
	}
	return Packet{Type: Message, Data: data[:n], Binary: true}, nil
}

// Base64 returns a binary message as text.
func Base64(data []byte) []byte {
	text := make([]byte, 1+base64.StdEncoding.EncodedLen(len(data)))
	text[0] = binaryMark
	base64.StdEncoding.Encode(text[1:], data)
	return text
}

// Base64Len returns the length of the result of Base64.
func Base64Len(n int) int { return 1 + base64.StdEncoding.EncodedLen(n) }

// InvalidError is the error for a valid frame without a valid packet.
type InvalidError struct{ Err error }

func (e *InvalidError) Error() string { return "parse packet: " + e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *InvalidError) Unwrap() error { return e.Err }
