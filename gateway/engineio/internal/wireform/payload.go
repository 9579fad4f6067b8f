// SPDX-License-Identifier: Apache-2.0

package wireform

import (
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// Payload returns a polling payload of messages, whose packets are those of form.
func Payload[M any](messages []M, form func(M) *Packet) []byte {
	n := max(0, len(messages)-1)
	for _, m := range messages {
		n += len(form(m).Polling())
	}
	body := make([]byte, 0, n)
	for _, m := range messages {
		body = packet.AppendToPayload(body, form(m).Polling())
	}
	return body
}

// Payload3 returns a payload of revision 3. It is text, unless the client takes bytes and there are
// some.
func Payload3[M any](messages []M, form func(M) *Packet, base64 bool) (body []byte, binary bool) {
	if !base64 && slices.ContainsFunc(messages, func(m M) bool { return form(m).IsBinary() }) {
		for _, m := range messages {
			if p := form(m); p.IsBinary() {
				body = packet.AppendToBinaryPayload3(body, p.binary3(), true)
			} else {
				body = packet.AppendToBinaryPayload3(body, p.polling, false)
			}
		}
		return body, true
	}
	for _, m := range messages {
		body = packet.AppendToPayload3(body, form(m).text3())
	}
	return body, false
}
