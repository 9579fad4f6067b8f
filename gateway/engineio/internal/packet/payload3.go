// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Payloads of protocol revision 3 have two forms (docs/engine.io-protocol/v3.md, "Payload"): text,
// where each packet comes after its length in UTF-16 code units and a colon; and bytes, where it
// comes after a byte that says whether it is binary, the decimal digits of its length in bytes, as
// numbers, and 255.

const (
	stringMark3 = 0
	binaryMark3 = 1
	lengthEnd3  = 0xff

	// maxDigits3 is the maximum number of digits of a length; no body needs ten.
	maxDigits3 = 9
)

var (
	errPayloadLength = errors.New("payload has a packet of no valid length")
	errPayloadEmpty  = errors.New("payload is empty")
)

// DecodePayload3 is DecodePayload for text of revision 3. It skips packets of length 0.
func DecodePayload3(body []byte, yield func(Packet) bool) error {
	if !utf8.Valid(body) {
		return errPayloadEncoding
	}
	if len(body) == 0 {
		return errPayloadEmpty
	}
	for len(body) > 0 {
		colon := bytes.IndexByte(body[:min(len(body), maxDigits3+1)], ':')
		if colon < 0 {
			return errPayloadLength
		}
		n, numeric := parseLength3(body[:colon], '0')
		body = body[colon+1:]
		size, there := utf16Prefix(body, n)
		if !numeric || !there {
			return errPayloadLength
		}
		part := body[:size:size]
		body = body[size:]
		if size == 0 {
			continue
		}
		p, err := Decode3(part)
		if err != nil {
			return err
		}
		if !yield(p) {
			return nil
		}
	}
	return nil
}

// DecodeBinaryPayload3 is DecodePayload for bytes of revision 3.
func DecodeBinaryPayload3(body []byte, yield func(Packet) bool) error {
	if len(body) == 0 {
		return errPayloadEmpty
	}
	for len(body) > 0 {
		mark := body[0]
		end := bytes.IndexByte(body[:min(len(body), maxDigits3+2)], lengthEnd3)
		if mark > binaryMark3 || end < 0 {
			return errPayloadLength
		}
		n, ok := parseLength3(body[1:end], 0)
		body = body[end+1:]
		if !ok || n > len(body) {
			return errPayloadLength
		}
		p, err := decodePart3(mark, body[:n:n])
		if err != nil {
			return err
		}
		body = body[n:]
		if !yield(p) {
			return nil
		}
	}
	return nil
}

func decodePart3(mark byte, part []byte) (Packet, error) {
	if mark == binaryMark3 {
		return DecodeBinary3(part)
	}
	if !utf8.Valid(part) {
		return Packet{}, errPayloadEncoding
	}
	return Decode3(part)
}

// parseLength3 reads decimal digits that are counted from zero.
func parseLength3(digits []byte, zero byte) (n int, ok bool) {
	if len(digits) == 0 || len(digits) > maxDigits3 {
		return 0, false
	}
	for _, d := range digits {
		if d < zero || d > zero+9 {
			return 0, false
		}
		n = 10*n + int(d-zero)
	}
	return n, true
}

// utf16Prefix returns the number of bytes at the start of a text that are n UTF-16 code units. ok
// is false if there is no such prefix.
func utf16Prefix(text []byte, n int) (size int, ok bool) {
	for n > 0 {
		_, width := utf8.DecodeRune(text[size:])
		if width == 0 {
			return 0, false
		}
		size += width
		n -= utf16Width(text[size-width])
	}
	return size, n == 0 // otherwise the length ends within a surrogate pair
}

// utf16Len returns the number of UTF-16 code units of valid UTF-8.
func utf16Len(text []byte) int {
	n := 0
	for _, b := range text {
		if utf8.RuneStart(b) {
			n += utf16Width(b)
		}
	}
	return n
}

// utf16Width returns the number of code units of a character that begins with this byte.
func utf16Width(first byte) int {
	if first >= 0xf0 {
		return 2
	}
	return 1
}

// AppendToPayload3 appends a packet, which may be that of Base64V3, to a payload of text.
func AppendToPayload3(payload, packet []byte) []byte {
	payload = strconv.AppendInt(payload, int64(utf16Len(packet)), 10)
	payload = append(payload, ':')
	return append(payload, packet...)
}

// AppendToBinaryPayload3 appends a packet to a payload of bytes. binary: it is that of Binary3.
func AppendToBinaryPayload3(payload, packet []byte, binary bool) []byte {
	mark := byte(stringMark3)
	if binary {
		mark = binaryMark3
	}
	payload = append(payload, mark)
	for _, d := range strconv.Itoa(len(packet)) {
		payload = append(payload, byte(d-'0'))
	}
	payload = append(payload, lengthEnd3)
	return append(payload, packet...)
}
