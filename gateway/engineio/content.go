// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// encode makes the body of an answer to a poll.
func (s *Session) encode(req *request, messages []*Message) (body []byte, contentType string) {
	if s.protocol != protocol3 {
		return appendPayload(make([]byte, 0, payloadSize(messages)), messages), httpx.TypeText
	}
	if index, ok := req.jsonpIndex(); ok {
		body, _ = encodePayload3(messages, true)
		return packet.WrapJSONP(index, body), httpx.TypeScript
	}
	return encodePayload3(messages, s.base64)
}

// decode reads the body of a POST, like packet.DecodePayload.
func (s *Session) decode(req *request, body []byte, yield func(packet.Packet) bool) error {
	if s.protocol != protocol3 {
		return packet.DecodePayload(body, yield)
	}
	if httpx.HasBytes(req.Request) {
		return packet.DecodeBinaryPayload3(body, yield)
	}
	if _, ok := req.jsonpIndex(); ok {
		var err error
		if body, err = packet.UnwrapJSONP(body); err != nil {
			return err
		}
	}
	return packet.DecodePayload3(body, yield)
}

// appendPayload appends a polling payload of messages.
func appendPayload(b []byte, messages []*Message) []byte {
	for _, m := range messages {
		b = packet.AppendToPayload(b, m.pollingForm())
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

// encodePayload3 makes a payload of messages: text, unless the client takes bytes and there are some.
func encodePayload3(messages []*Message, base64 bool) (body []byte, contentType string) {
	if !base64 && slices.ContainsFunc(messages, (*Message).isBinary) {
		for _, m := range messages {
			if m.isBinary() {
				body = packet.AppendToBinaryPayload3(body, m.binary3(), true)
			} else {
				body = packet.AppendToBinaryPayload3(body, m.polling, false)
			}
		}
		return body, httpx.TypeBytes
	}
	for _, m := range messages {
		body = packet.AppendToPayload3(body, m.text3())
	}
	return body, httpx.TypeText
}
