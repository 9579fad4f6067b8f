// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Opcodes of websocket frames, and the bit of the last one of a message (RFC 6455 section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opPing         = 0x9
	opPong         = 0xA
	final          = 0x80
)

// frame is a client's, with a mask of zeros.
func frame(first byte, payload string) []byte {
	const masked = 0x80
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, masked|byte(n))
	case n <= 0xffff:
		f = binary.BigEndian.AppendUint16(append(f, masked|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

func text(payload string) []byte { return frame(final|opText, payload) }

// pieceSize is how much is written at once where frames are small.
const pieceSize = 8 << 10

// repeated is a frame, as often as fits into one write.
func repeated(f []byte) []byte { return bytes.Repeat(f, max(1, pieceSize/len(f))) }

// texts are frames with these payloads.
func texts(payloads ...string) (all []byte) {
	for _, p := range payloads {
		all = append(all, text(p)...)
	}
	return all
}

// usual is JSON as applications send it, elements of a list of about so many bytes together.
func usual(size int) string {
	const one = `{"id":12345,"from":"alice","text":"hello \"world\", this is a message","tags":["a","b"],"read":false}`
	list := strings.Repeat(one+",", size/len(one)+1)
	if size < len(one) {
		return `"` + strings.Repeat("x", max(0, size-2)) + `"`
	}
	return strings.TrimSuffix(list[:size/len(one)*(len(one)+1)], ",")
}
