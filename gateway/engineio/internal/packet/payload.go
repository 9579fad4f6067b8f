// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// separator separates the packets of a polling payload (Engine.IO protocol v4, "HTTP
// long-polling").
const separator = 0x1e

var errPayloadEncoding = errors.New("payload is not UTF-8")

// DecodePayload calls yield for each packet of a POST's body, until it returns false. It returns
// the first error, after yielding the packets before it. The data of the packets are parts of the
// body that do not overlap.
func DecodePayload(body []byte, yield func(Packet) bool) error {
	if !utf8.Valid(body) {
		return errPayloadEncoding
	}
	for {
		part, rest, more := bytes.Cut(body, []byte{separator})
		p, err := Decode(part[:len(part):len(part)])
		if err != nil {
			return err
		}
		if !yield(p) || !more {
			return nil
		}
		body = rest
	}
}

// AppendToPayload appends a packet to a polling payload, which is initially empty.
func AppendToPayload(payload, packet []byte) []byte {
	if len(payload) > 0 {
		payload = append(payload, separator)
	}
	return append(payload, packet...)
}
