// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/wireform"
)

// Message is an encoded packet. It is encoded once for any number of sessions, which share the
// bytes of the WebSocket frame. A Message is immutable and safe for concurrent use.
type Message struct{ form wireform.Packet }

// formOf returns the packet of a message.
func formOf(m *Message) *wireform.Packet { return &m.form }

// NewText makes a text message of data, which must be valid UTF-8 without U+001E, the separator of
// packets in a polling payload. JSON meets both. The data is copied.
func NewText(data []byte) *Message { return newTextPacket(packet.Message, data) }

// NewBinary makes a binary message of data. The data is copied.
func NewBinary(data []byte) *Message { return &Message{wireform.Binary(data)} }

// Compress returns the message with its compression allowed or forbidden, whatever the transport.
// It is allowed by default. Forbid it for random data, and for data with a secret beside text that
// an attacker can choose (CRIME, BREACH). A poll's answer is compressed as a whole if any of its
// messages may be.
func (m *Message) Compress(allowed bool) *Message {
	if m.form.IsCompressible() == allowed {
		return m
	}
	return &Message{m.form.WithCompression(allowed)}
}

// Size returns the size of the message in an uncompressed WebSocket connection, in bytes.
func (m *Message) Size() int { return len(m.form.Frame()) }

// PollSize returns the size of the message in a polling payload, in bytes, with its separator.
func (m *Message) PollSize() int64 { return m.form.PollSize() }

// newTextPacket makes a packet of any type but binary messages.
func newTextPacket(typ packet.Type, data []byte) *Message { return &Message{wireform.Text(typ, data)} }

// Headroom is the space that ComposeText needs in front of a message's data, in bytes: the longest
// header of a frame, and the packet's type.
const Headroom = wireform.Headroom

// ComposeText is NewText without the copy, for callers that build the data themselves. buf has
// Headroom unused bytes, followed by the data. It belongs to the message from then on: it may be
// read but not changed.
func ComposeText(buf []byte) *Message { return &Message{wireform.Compose(buf)} }

// Carries reports whether data is the very memory that the message was composed with, rather than
// equal bytes.
func (m *Message) Carries(data []byte) bool { return m.form.Carries(data) }

// The packets that are always the same.
var (
	pingPacket = newTextPacket(packet.Ping, nil)
	pongPacket = newTextPacket(packet.Pong, nil)
	noopPacket = newTextPacket(packet.Noop, nil)
	// closePacket is a close frame without a status over WebSocket, as in the reference
	// implementation.
	closePacket = &Message{wireform.Control(websocket.CloseFrame(websocket.CodeNoStatus), []byte{byte(packet.Close)})}
)

// openPacket returns the first packet of a session.
func openPacket(c *Config, id, transport string) *Message {
	h := packet.Handshake{
		SessionID: id, Upgrades: c.upgrades(transport), PingInterval: c.PingInterval, PingTimeout: c.PingTimeout, MaxPayload: c.MaxPayload,
	}
	return newTextPacket(packet.Open, h.Encode())
}
