// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// packetType is the first character of a packet (Engine.IO protocol v4, "Packet types").
type packetType byte

const (
	packetOpen    packetType = '0'
	packetClose   packetType = '1'
	packetPing    packetType = '2'
	packetPong    packetType = '3'
	packetMessage packetType = '4'
	packetUpgrade packetType = '5'
	packetNoop    packetType = '6'

	// binaryMark begins a binary message in a polling payload, base64 follows.
	binaryMark = 'b'
)

var errEmptyPacket = errors.New("empty packet")

// packet is what a client sent. Its data is a part of the bytes it was decoded from, but for base64.
type packet struct {
	data   []byte
	typ    packetType
	binary bool
}

// decodeText reads a packet from a websocket text frame.
func decodeText(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, errEmptyPacket
	}
	if b[0] < byte(packetOpen) || b[0] > byte(packetNoop) {
		return packet{}, fmt.Errorf("unknown packet type %q", b[0])
	}
	return packet{typ: packetType(b[0]), data: b[1:]}, nil
}

// decodePolling reads a packet from a polling payload, where binary messages are base64.
func decodePolling(b []byte) (packet, error) {
	if len(b) == 0 || b[0] != binaryMark {
		return decodeText(b)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(b)-1))
	n, err := base64.StdEncoding.Decode(data, b[1:])
	if err != nil {
		return packet{}, fmt.Errorf("decode binary packet: %w", err)
	}
	return packet{typ: packetMessage, data: data[:n], binary: true}, nil
}
