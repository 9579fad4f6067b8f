// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Headroom is what ComposeText wants in front of a message's data, in bytes: the longest header of a frame, and the packet's type.
const Headroom = websocket.MaxHeader + 1

// ComposeText is NewText without the copy, for who makes a message's data himself: buf are Headroom bytes of no meaning, and behind
// them the data. It belongs to the message from then on, and may be read but not changed.
func ComposeText(buf []byte) *Message {
	polling := buf[websocket.MaxHeader:]
	polling[0] = byte(packet.Message)
	var room [websocket.MaxHeader]byte
	header := websocket.AppendHeader(room[:0], websocket.FinalText, len(polling))
	start := websocket.MaxHeader - len(header)
	copy(buf[start:], header)
	return &Message{frame: buf[start:], polling: polling}
}

// Carries tells whether data are the bytes that the message was composed with: they, not some that are equal.
func (m *Message) Carries(data []byte) bool {
	n := len(m.polling) - 1
	return m.data == nil && n > 0 && len(data) == n && &data[0] == &m.polling[1]
}
