// SPDX-License-Identifier: Apache-2.0

package engineio

import "github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"

// frame is a message as this connection sends it: for most the frame that all share.
func (ws *webSocket) frame(m *Message) []byte {
	compress := ws.deflate > 0 && len(m.frame) >= ws.deflate && !m.uncompressed && websocket.Compressible(m.frame)
	if !m.isBinary() || ws.protocol == protocol4 && !ws.base64 {
		if compress {
			return m.deflatedFrame()
		}
		return m.frame
	}
	frame := ws.binaryFrame(m)
	if compress {
		return websocket.Deflate(frame)
	}
	return frame
}

// binaryFrame is the frame of a binary message for a client that has it in another form than most.
func (ws *webSocket) binaryFrame(m *Message) []byte {
	kind, payload := byte(websocket.FinalText), []byte(nil)
	switch {
	case ws.protocol == protocol4:
		payload = m.pollingForm()
	case ws.base64:
		payload = m.text3()
	default:
		kind, payload = websocket.FinalBinary, m.binary3()
	}
	frame, _ := websocket.NewFrame(kind, len(payload))
	return append(frame, payload...)
}
