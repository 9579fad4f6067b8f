// SPDX-License-Identifier: Apache-2.0

package engineio

import "strings"

// The content types of payloads.
const (
	contentTypeText  = "text/plain; charset=UTF-8"
	contentTypeBytes = "application/octet-stream"
	// contentTypeScript is what a browser runs even if it was told not to guess; the reference implementation says text/plain.
	contentTypeScript = "text/javascript; charset=UTF-8"
)

// encode makes the body of an answer to a poll.
func (s *Session) encode(req *request, messages []*Message) (body []byte, contentType string) {
	if s.protocol != protocol3 {
		return appendPayload(make([]byte, 0, payloadSize(messages)), messages), contentTypeText
	}
	if index, ok := req.jsonpIndex(); ok {
		body, _ = encodePayload3(messages, true)
		return wrapJSONP(index, body), contentTypeScript
	}
	return encodePayload3(messages, s.base64)
}

// decode reads the body of a POST, like decodePayload.
func (s *Session) decode(req *request, body []byte, yield func(packet) bool) error {
	if s.protocol != protocol3 {
		return decodePayload(body, yield)
	}
	if req.hasBytes() {
		return decodeBinaryPayload3(body, yield)
	}
	if _, ok := req.jsonpIndex(); ok {
		var err error
		if body, err = unwrapJSONP(body); err != nil {
			return err
		}
	}
	return decodePayload3(body, yield)
}

// hasBytes reports whether a POST's body is not text.
func (r *request) hasBytes() bool {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(contentType) == contentTypeBytes
}
