// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// The opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	OpText         = 0x1
	OpBinary       = 0x2
	opClose        = 0x8
	OpPing         = 0x9
	OpPong         = 0xA
)

const (
	finalBit = 0x80 // in the first byte: the last frame of a message
	maskBit  = 0x80 // in the second
	// maxControlPayload limits ping, pong and close.
	maxControlPayload = 125
	// keptPartial is the size up to which the buffer for partial frames is reused.
	keptPartial = 4 << 10
)

// Reader decodes messages from a connection's bytes as they arrive (RFC 6455 section 5, RFC 7692).
// Between two messages it holds no memory.
type Reader struct {
	// Limit is the maximum size of a message, before and after decompression.
	Limit int64
	// Inflate: messages may be compressed.
	Inflate bool

	// partial is unread data: an incomplete frame, or everything after the message at which Feed
	// has stopped.
	partial []byte
	// message has the fragments of a message so far, opcode that of the first fragment; 0 if there
	// is none.
	message    []byte
	opcode     byte
	compressed bool
}

// frame is a frame from the client.
type frame struct {
	first   byte
	payload []byte
}

func (f *frame) opcode() byte    { return f.first & 0xf }
func (f *frame) final() bool     { return f.first&finalBit != 0 }
func (f *frame) isControl() bool { return f.first&0x8 != 0 }

// TakeFunc receives a message, ping or pong. The payload is valid until it returns. It returns
// false to stop.
type TakeFunc func(opcode byte, payload []byte) (more bool, err error)

// Unread puts bytes, of which there may be none, before those of the next Feed.
func (r *Reader) Unread(data []byte) { r.partial = data }

// HasRest reports whether there is unread data.
func (r *Reader) HasRest() bool { return len(r.partial) > 0 }

// Feed processes the next bytes, which it may change but does not keep, and calls take for every
// message, ping and pong that they complete, until take stops it. Then Feed(nil, take) continues.
// Its error is a *CloseError, or that of take.
func (r *Reader) Feed(data []byte, take TakeFunc) error {
	ours := len(r.partial) > 0
	if ours {
		r.partial = append(r.partial, data...)
		data = r.partial
	}
	for more := true; more && len(data) > 0; {
		f, n, err := r.parse(data)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		data = data[n:]
		if more, err = r.takeFrame(&f, take); err != nil {
			return err
		}
	}
	r.keep(data, ours)
	return nil
}

// keep keeps unread data. ours: it is the end of partial. While a handler waits, nothing else
// should be held, so a buffer of more than twice the size of the rest is not kept; and the rest is
// not moved for each of many small messages.
func (r *Reader) keep(rest []byte, ours bool) {
	switch {
	case len(rest) == 0 && cap(r.partial) > keptPartial:
		r.partial = nil
	case len(rest) == 0:
		r.partial = r.partial[:0]
	case !ours:
		r.partial = append(r.partial[:0], rest...)
	case len(rest) > cap(r.partial)/2:
		r.partial = rest
	default:
		r.partial = bytes.Clone(rest)
	}
}

// parse parses one frame and returns its length, 0 if it is incomplete.
func (r *Reader) parse(data []byte) (f frame, n int, err error) {
	if len(data) < 2 {
		return f, 0, nil
	}
	f.first = data[0]
	if err := r.check(&f, data[1]); err != nil {
		return f, 0, err
	}
	length, header := uint64(data[1]&^maskBit), 2
	switch length {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	if len(data) < header {
		return f, 0, nil
	}
	switch header {
	case 4:
		length = uint64(binary.BigEndian.Uint16(data[2:]))
	case 10:
		length = binary.BigEndian.Uint64(data[2:])
	}
	if length > uint64(r.Limit)-uint64(len(r.message)) {
		return f, 0, errTooBig
	}
	end := header + 4 + int(length)
	if len(data) < end {
		return f, 0, nil
	}
	f.payload = data[header+4 : end : end]
	unmask(f.payload, binary.LittleEndian.Uint32(data[header:]))
	return f, end, nil
}

// check checks a frame's first two bytes.
func (r *Reader) check(f *frame, second byte) error {
	switch op := f.opcode(); {
	case second&maskBit == 0:
		return errUnmasked
	case f.first&0x30 != 0, f.first&CompressedBit != 0 && (!r.Inflate || op != OpText && op != OpBinary):
		return brokenRule("reserved bit is set")
	case op > OpBinary && op < opClose || op > OpPong:
		return brokenRule("unknown opcode")
	case f.isControl() && (!f.final() || second&^maskBit > maxControlPayload):
		return brokenRule("control frame is too long, or in fragments")
	case op == opContinuation && r.opcode == 0:
		return brokenRule("continuation of no message")
	case (op == OpText || op == OpBinary) && r.opcode != 0:
		return brokenRule("message within a message")
	}
	return nil
}

func (r *Reader) takeFrame(f *frame, take TakeFunc) (more bool, err error) {
	switch op := f.opcode(); {
	case op == opClose:
		return false, closedBy(f.payload)
	case f.isControl():
		return take(op, f.payload)
	case op != opContinuation:
		if f.final() {
			return r.takeMessage(op, f.first&CompressedBit != 0, f.payload, take)
		}
		r.opcode, r.compressed = op, f.first&CompressedBit != 0
	}
	r.message = append(r.message, f.payload...)
	if !f.final() {
		return true, nil
	}
	message, opcode := r.message, r.opcode
	r.message, r.opcode = nil, 0
	return r.takeMessage(opcode, r.compressed, message, take)
}

func (r *Reader) takeMessage(opcode byte, compressed bool, payload []byte, take TakeFunc) (more bool, err error) {
	if compressed {
		inflated, err := inflate(payload, r.Limit)
		if err != nil {
			return false, err
		}
		payload = inflated
	}
	if opcode == OpText && !utf8.Valid(payload) {
		return false, errNotUTF8
	}
	return take(opcode, payload)
}

// closedBy returns the error for a close frame of the client. The answer has the same code.
func closedBy(payload []byte) error {
	if len(payload) == 0 {
		return &CloseError{Code: CodeNoStatus, ByClient: true, Reason: "closed by the client"}
	}
	if len(payload) == 1 {
		return brokenRule("close frame with half a code")
	}
	code := int(binary.BigEndian.Uint16(payload))
	if !validCloseCode(code) {
		return brokenRule("close frame with a code that nobody may send")
	}
	if !utf8.Valid(payload[2:]) {
		return &CloseError{Code: CodeInvalidData, Reason: "reason of a close frame is not UTF-8"}
	}
	return &CloseError{Code: code, ByClient: true, Reason: "closed by the client"}
}

// validCloseCode reports whether a code may stand in a close frame (RFC 6455 section 7.4 and IANA's
// registry).
func validCloseCode(code int) bool {
	switch {
	case code == 1004 || code == 1005 || code == 1006 || code == 1015:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// unmask removes the mask, whose bytes are in network order.
func unmask(b []byte, mask uint32) {
	wide := uint64(mask)<<32 | uint64(mask)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(mask >> (8 * (i & 3)))
	}
}
