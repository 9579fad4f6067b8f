// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"compress/flate"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// lingerBytes bounds what is read of a client that was told that it broke the protocol, and goes on sending.
const lingerBytes = 16 << 20

func (ws *webSocket) hangUp(err error) {
	defer ws.conn.Close()
	var closed *websocket.CloseError
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &closed):
		if closed.Code != websocket.CloseAbnormalClosure { // gorilla's word for a connection that ended without a close frame
			ws.writeClose(closed.Code)
		}
		return
	case err == nil:
		ws.writeClose(websocket.CloseNoStatusReceived)
	case errors.Is(err, errInflated):
		ws.writeClose(websocket.CloseMessageTooBig)
	case errors.Is(err, errNotUTF8) || errors.As(err, &corrupt):
		ws.writeClose(websocket.CloseInvalidFramePayloadData)
	case !brokeProtocol(err):
		return // the connection is gone, or was waited for long enough
	}
	// Closing while unread bytes are there resets the connection, and the client may lose the close frame.
	ws.conn.SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.CopyN(io.Discard, ws.conn, lingerBytes)
}

func (ws *webSocket) writeClose(code int) {
	ws.conn.SetWriteDeadline(time.Now().Add(closeWait))
	payload := websocket.FormatCloseMessage(code, "")
	frame, _ := newFrame(finalClose, len(payload))
	_, _ = ws.conn.Write(append(frame, payload...)) // the connection ends anyway
}

func (ws *webSocket) closeReason(err error) CloseReason {
	if errors.Is(err, errNotUTF8) || brokeProtocol(err) {
		return ReasonTransportError
	}
	return ReasonTransportClose
}

// brokeProtocol reports whether gorilla/websocket has refused what the client sent, and has told it so.
func brokeProtocol(err error) bool {
	if errors.Is(err, websocket.ErrReadLimit) {
		return true
	}
	var closed *websocket.CloseError
	var network net.Error
	return !errors.As(err, &closed) && !errors.As(err, &network) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errNotUTF8)
}
