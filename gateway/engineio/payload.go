// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// separator stands between the packets of a polling payload (Engine.IO protocol v4, "HTTP long-polling").
const separator = 0x1e

var errPayloadEncoding = errors.New("payload is not UTF-8")

// decodePayload calls yield for each packet of a POST's body, until it returns false. It returns the first error, the
// packets before it have been yielded then. The packets' data are parts of the body that do not overlap.
func decodePayload(body []byte, yield func(packet) bool) error {
	if !utf8.Valid(body) {
		return errPayloadEncoding
	}
	for {
		part, rest, more := bytes.Cut(body, []byte{separator})
		p, err := decodePolling(part[:len(part):len(part)])
		if err != nil {
			return err
		}
		if !yield(p) || !more {
			return nil
		}
		body = rest
	}
}

// appendPayload appends a polling payload of messages.
func appendPayload(b []byte, messages []*Message) []byte {
	for i, m := range messages {
		if i > 0 {
			b = append(b, separator)
		}
		b = append(b, m.pollingForm()...)
	}
	return b
}

// payloadSize is the number of bytes that appendPayload appends.
func payloadSize(messages []*Message) int {
	n := max(0, len(messages)-1)
	for _, m := range messages {
		n += len(m.pollingForm())
	}
	return n
}
