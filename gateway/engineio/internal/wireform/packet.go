// SPDX-License-Identifier: Apache-2.0

package wireform

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Packet is an encoded packet. It is immutable and safe for concurrent use, and must not be copied.
type Packet struct {
	// frame is a whole unmasked WebSocket frame.
	frame []byte
	// polling is the form in a polling payload. That of text is a part of the frame; that of binary
	// data is base64, made when it is first needed, which is seldom.
	polling     []byte
	pollingOnce sync.Once
	// data is what a binary packet carries, a part of its frame; nil for text.
	data []byte
	// uncompressed: compression is forbidden.
	uncompressed bool
	// deflated is the frame with its payload compressed, nil if that is not smaller. All
	// connections compress each message on its own, so they share this, too.
	deflated     []byte
	deflatedOnce sync.Once
}

// Text encodes a packet of any type but binary messages. The data is copied.
func Text(typ packet.Type, data []byte) Packet {
	frame, header := websocket.NewFrame(websocket.FinalText, 1+len(data))
	frame = append(frame, byte(typ))
	frame = append(frame, data...)
	return Packet{frame: frame, polling: frame[header:]}
}

// Binary encodes a binary message. The data is copied.
func Binary(data []byte) Packet {
	frame, header := websocket.NewFrame(websocket.FinalBinary, len(data))
	frame = append(frame, data...)
	return Packet{frame: frame, data: frame[header:]}
}

// Headroom is the space that Compose needs before the data: the longest header of a frame, and the
// packet's type.
const Headroom = websocket.MaxHeader + 1

// Compose encodes a text message in place: buf has Headroom unused bytes and the data, and belongs
// to the packet from then on.
func Compose(buf []byte) Packet {
	polling := buf[websocket.MaxHeader:]
	polling[0] = byte(packet.Message)
	var room [websocket.MaxHeader]byte
	header := websocket.AppendHeader(room[:0], websocket.FinalText, len(polling))
	start := websocket.MaxHeader - len(header)
	copy(buf[start:], header)
	return Packet{frame: buf[start:], polling: polling}
}

// Control returns a packet that is a control frame over WebSocket; polling is nil if there is no
// such packet otherwise.
func Control(frame, polling []byte) Packet { return Packet{frame: frame, polling: polling} }

// WithCompression returns the packet with its compression allowed or forbidden.
func (p *Packet) WithCompression(allowed bool) Packet {
	var polling []byte // of a binary message, it may be just being made
	if !p.IsBinary() {
		polling = p.polling
	}
	return Packet{frame: p.frame, polling: polling, data: p.data, uncompressed: !allowed}
}

// IsCompressible reports whether compression is allowed.
func (p *Packet) IsCompressible() bool { return !p.uncompressed }

// IsBinary reports whether the packet is a binary message.
func (p *Packet) IsBinary() bool { return p.data != nil }

// Carries reports whether data is the very memory that a text message carries.
func (p *Packet) Carries(data []byte) bool {
	n := len(p.polling) - 1
	return !p.IsBinary() && n > 0 && len(data) == n && &data[0] == &p.polling[1]
}

// Frame returns the packet as an uncompressed WebSocket frame, for the clients of Client.IsCommon.
// It must not be changed, and neither must what the other methods return.
func (p *Packet) Frame() []byte { return p.frame }

// Polling returns the packet as in a polling payload.
func (p *Packet) Polling() []byte {
	p.pollingOnce.Do(func() {
		if p.polling == nil {
			p.polling = packet.Base64(p.data)
		}
	})
	return p.polling
}

// PollSize returns the number of bytes that the packet takes in a polling payload, with its
// separator.
func (p *Packet) PollSize() int64 {
	if p.IsBinary() {
		return int64(1 + packet.Base64Len(len(p.data)))
	}
	return int64(1 + len(p.polling))
}

// StreamFrame returns the packet as on a WebTransport stream. An empty binary message goes in
// base64, as in a polling payload, since clients take a frame without content for an error.
func (p *Packet) StreamFrame() []byte {
	if len(p.data) > 0 {
		return packet.StreamFrame(p.data, true)
	}
	return packet.StreamFrame(p.Polling(), false)
}

// deflatedFrame returns the frame with a compressed payload, or the plain one if that is no longer.
func (p *Packet) deflatedFrame() []byte {
	p.deflatedOnce.Do(func() {
		if f := websocket.Deflate(p.frame); len(f) < len(p.frame) {
			p.deflated = f
		}
	})
	if p.deflated == nil {
		return p.frame
	}
	return p.deflated
}

// text3 returns the packet as text of revision 3.
func (p *Packet) text3() []byte {
	if !p.IsBinary() {
		return p.polling
	}
	return packet.Base64V3(p.Polling())
}

// binary3 returns a binary message as bytes of revision 3.
func (p *Packet) binary3() []byte { return packet.Binary3(p.data) }
