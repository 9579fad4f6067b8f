// SPDX-License-Identifier: Apache-2.0

package websocket

import "encoding/binary"

// The first byte of a frame from the server: FIN and the opcode.
const (
	FinalText   = finalBit | OpText
	FinalBinary = finalBit | OpBinary
	finalClose  = finalBit | opClose
	finalPong   = finalBit | OpPong
)

// MaxHeader is the length of the longest header of a frame from the server, in bytes.
const MaxHeader = 10

// NewFrame returns the header of a frame, with capacity for a payload of n bytes, and the header's
// length.
func NewFrame(first byte, n int) (frame []byte, header int) {
	var room [MaxHeader]byte
	h := AppendHeader(room[:0], first, n)
	return append(make([]byte, 0, len(h)+n), h...), len(h)
}

// AppendHeader appends the header of a frame whose payload has n bytes (RFC 6455 section 5.2).
func AppendHeader(to []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(to, first, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(to, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(to, first, 127), uint64(n))
	}
}

// PongFrame returns the answer to a ping.
func PongFrame(data []byte) []byte {
	frame, _ := NewFrame(finalPong, len(data))
	return append(frame, data...)
}

// payload returns the payload of a frame of NewFrame.
func payload(frame []byte) []byte {
	switch frame[1] {
	case 126:
		return frame[4:]
	case 127:
		return frame[10:]
	}
	return frame[2:]
}
