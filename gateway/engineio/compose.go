// SPDX-License-Identifier: Apache-2.0

package engineio

import "encoding/binary"

// Headroom is what ComposeText wants in front of a message's data, in bytes: the longest header of a frame, and the packet's type.
const Headroom = 11

// ComposeText is NewText without the copy, for who makes a message's data himself: buf are Headroom bytes of no meaning, and behind
// them the data. It belongs to the message from then on, and may be read but not changed.
func ComposeText(buf []byte) *Message {
	start := Headroom - 1
	buf[start] = byte(packetMessage)
	n := len(buf) - start
	switch {
	case n < 126:
		start -= 2
		buf[start+1] = byte(n)
	case n <= 0xffff:
		start -= 4
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
	default:
		start -= 10
		buf[start+1] = 127
		binary.BigEndian.PutUint64(buf[start+2:], uint64(n))
	}
	buf[start] = finalText
	return &Message{frame: buf[start:], polling: buf[Headroom-1:]}
}

// Carries tells whether data are the bytes that the message was composed with: they, not some that are equal.
func (m *Message) Carries(data []byte) bool {
	n := len(m.polling) - 1
	return m.data == nil && n > 0 && len(data) == n && &data[0] == &m.polling[1]
}
