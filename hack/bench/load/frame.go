// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// frame is one WebSocket frame of a server; its payload lies in the buffer that it was read from.
type frame struct {
	op         byte
	compressed bool // RFC 7692, section 6
	payload    []byte
}

// nextFrame cuts the first frame off a buffer. With ok false there is not all of one yet.
func nextFrame(data []byte) (f frame, rest []byte, ok bool, err error) {
	if len(data) < 2 {
		return f, data, false, nil
	}
	if data[0]&0xb0 != 0x80 || data[1]&0x80 != 0 {
		return f, data, false, fmt.Errorf("a frame begins with %x: fragments, other extensions than compression, and masks of a server are not for this client", data[:2])
	}
	header, size := 2, int(data[1])
	switch size {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	if len(data) < header {
		return f, data, false, nil
	}
	switch size {
	case 126:
		size = int(binary.BigEndian.Uint16(data[2:]))
	case 127:
		size = int(binary.BigEndian.Uint64(data[2:]))
	}
	if size < 0 || size > 1<<24 {
		return f, data, false, errors.New("a frame is larger than 16 MiB")
	}
	if len(data) < header+size {
		return f, data, false, nil
	}
	return frame{data[0] & 0xf, data[0]&0x40 != 0, data[header : header+size]}, data[header+size:], true, nil
}

// appendFrame appends a masked frame. The mask is zero, which is one like any other, and costs
// nothing.
func appendFrame(to []byte, op byte, payload []byte) []byte {
	to = append(to, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		to = append(to, 0x80|byte(n))
	case n < 1<<16:
		to = binary.BigEndian.AppendUint16(append(to, 0x80|126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 0x80|127), uint64(n))
	}
	to = append(to, 0, 0, 0, 0)
	return append(to, payload...)
}
