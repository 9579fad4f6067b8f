// SPDX-License-Identifier: Apache-2.0

package wireform

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// Client tells which frames a WebSocket client takes.
type Client struct {
	// Deflate is the size in bytes from which messages are compressed, 0 for never.
	Deflate int
	// Protocol is the revision that the client speaks.
	Protocol uint8
	// Base64: the client takes no bytes.
	Base64 bool
}

// IsCommon reports whether all of the client's frames are those of Packet.Frame.
func (c *Client) IsCommon() bool {
	return c.Deflate == 0 && c.Protocol == packet.Protocol4 && !c.Base64
}

// Frame returns a packet's frame for the client: for most clients, the one that all share.
func (c *Client) Frame(p *Packet) []byte {
	compress := c.Deflate > 0 && len(p.frame) >= c.Deflate && !p.uncompressed && websocket.Compressible(p.frame)
	if !p.IsBinary() || c.Protocol == packet.Protocol4 && !c.Base64 {
		if compress {
			return p.deflatedFrame()
		}
		return p.frame
	}
	frame := c.binaryFrame(p)
	if compress {
		return websocket.Deflate(frame)
	}
	return frame
}

// binaryFrame returns the frame of a binary message for a client that takes another form than most.
func (c *Client) binaryFrame(p *Packet) []byte {
	kind, payload := byte(websocket.FinalText), []byte(nil)
	switch {
	case c.Protocol == packet.Protocol4:
		payload = p.Polling()
	case c.Base64:
		payload = p.text3()
	default:
		kind, payload = websocket.FinalBinary, p.binary3()
	}
	frame, _ := websocket.NewFrame(kind, len(payload))
	return append(frame, payload...)
}
