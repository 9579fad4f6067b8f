// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Message is an encoded packet. It is encoded once for any number of sessions, which share the
// bytes of the WebSocket frame. A Message is immutable and safe for concurrent use.
type Message struct {
	// frame is a whole unmasked websocket frame.
	frame []byte
	// polling is the packet's form in a polling payload; a text packet's is a part of its frame. A binary message's is
	// base64, which few messages need, so it is made when it is first asked for.
	polling     []byte
	pollingOnce sync.Once
	// data is what a binary message carries, a part of its frame.
	data []byte
	// uncompressed: the message was made by Compress(false).
	uncompressed bool
	// deflated is the frame with its payload compressed, nil if that makes it no smaller. As all connections compress
	// each message on its own, they share this too.
	deflated     []byte
	deflatedOnce sync.Once
}

// NewText makes a text message of data, which must be valid UTF-8 without U+001E, the separator of
// packets in a polling payload. JSON meets both. The data is copied.
func NewText(data []byte) *Message { return newTextPacket(packet.Message, data) }

// NewBinary makes a binary message of data. The data is copied.
func NewBinary(data []byte) *Message {
	frame, header := websocket.NewFrame(websocket.FinalBinary, len(data))
	frame = append(frame, data...)
	return &Message{frame: frame, data: frame[header:]}
}

// Compress returns the message with its compression allowed or forbidden, whatever the transport.
// It is allowed by default. Forbid it for random data, and for data with a secret beside text that
// an attacker can choose (CRIME, BREACH). A poll's answer is compressed as a whole if any of its
// messages may be.
func (m *Message) Compress(allowed bool) *Message {
	if m.uncompressed == !allowed {
		return m
	}
	other := &Message{frame: m.frame, data: m.data, uncompressed: !allowed}
	if m.data == nil {
		other.polling = m.polling
	}
	return other
}

// Size returns the size of the message in an uncompressed WebSocket connection, in bytes.
func (m *Message) Size() int { return len(m.frame) }

// newTextPacket makes a packet of any type but binary messages.
func newTextPacket(typ packet.Type, data []byte) *Message {
	frame, header := websocket.NewFrame(websocket.FinalText, 1+len(data))
	frame = append(frame, byte(typ))
	frame = append(frame, data...)
	return &Message{frame: frame, polling: frame[header:]}
}

// pollingForm is the packet as it stands in a polling payload. The caller may not change it.
func (m *Message) pollingForm() []byte {
	m.pollingOnce.Do(func() {
		if m.polling != nil {
			return
		}
		m.polling = packet.Base64(m.data)
	})
	return m.polling
}

// deflatedFrame is the message's frame with a compressed payload, or the plain one if that is no longer.
func (m *Message) deflatedFrame() []byte {
	m.deflatedOnce.Do(func() {
		if f := websocket.Deflate(m.frame); len(f) < len(m.frame) {
			m.deflated = f
		}
	})
	if m.deflated == nil {
		return m.frame
	}
	return m.deflated
}

func (m *Message) isBinary() bool       { return m.data != nil }
func (m *Message) isCompressible() bool { return !m.uncompressed }

// text3 is the packet as a string of revision 3. The caller may not change it.
func (m *Message) text3() []byte {
	if !m.isBinary() {
		return m.polling
	}
	return packet.Base64V3(m.pollingForm())
}

// binary3 is a binary message as bytes of revision 3.
func (m *Message) binary3() []byte { return packet.Binary3(m.data) }

// Headroom is the space that ComposeText needs in front of a message's data, in bytes: the longest
// header of a frame, and the packet's type.
const Headroom = websocket.MaxHeader + 1

// ComposeText is NewText without the copy, for callers that build the data themselves. buf has
// Headroom unused bytes, followed by the data. It belongs to the message from then on: it may be
// read but not changed.
func ComposeText(buf []byte) *Message {
	polling := buf[websocket.MaxHeader:]
	polling[0] = byte(packet.Message)
	var room [websocket.MaxHeader]byte
	header := websocket.AppendHeader(room[:0], websocket.FinalText, len(polling))
	start := websocket.MaxHeader - len(header)
	copy(buf[start:], header)
	return &Message{frame: buf[start:], polling: polling}
}

// Carries reports whether data is the very memory that the message was composed with, rather than
// equal bytes.
func (m *Message) Carries(data []byte) bool {
	n := len(m.polling) - 1
	return m.data == nil && n > 0 && len(data) == n && &data[0] == &m.polling[1]
}

// The packets that never differ.
var (
	pingPacket = newTextPacket(packet.Ping, nil)
	pongPacket = newTextPacket(packet.Pong, nil)
	noopPacket = newTextPacket(packet.Noop, nil)
	// closePacket is over websocket a close frame without a status, as the reference implementation sends it.
	closePacket = &Message{frame: websocket.CloseFrame(websocket.CodeNoStatus), polling: []byte{byte(packet.Close)}}
)

// openPacket is the first packet of a session.
func openPacket(c *Config, id, transport string) *Message {
	h := packet.Handshake{
		SessionID: id, Upgrades: c.upgrades(transport), PingInterval: c.PingInterval, PingTimeout: c.PingTimeout, MaxPayload: c.MaxPayload,
	}
	return newTextPacket(packet.Open, h.Encode())
}
