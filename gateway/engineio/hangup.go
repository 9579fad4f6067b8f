// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// lingerBytes bounds what is read of a client that was told that it broke the protocol, and goes on sending.
const lingerBytes = 16 << 20

// readingEnded ends the session, if the connection has carried it, and the connection. It is called by the reader.
func (ws *webSocket) readingEnded(err error) {
	closing := ws.finishReading(ws.closeReason(err), err)
	var broken *websocket.CloseError
	broke := errors.As(err, &broken)
	code := websocket.CodeNoStatus
	if broke {
		code = broken.Code
	}
	if !closing && (broke || ws.upgrade != nil) && ws.takeLastWrite() {
		ws.writeClose(code)
		if !broke || !broken.ByClient {
			ws.linger()
			return
		}
	}
	ws.conclude()
}

// takeLastWrite makes the reader the only one that writes, for good. It is false while another write is
// under way: a part of a frame may be out then, and a close frame would become a part of that frame.
func (ws *webSocket) takeLastWrite() bool {
	if ws.upgrade != nil { // not yet the session's transport: nobody else writes
		return true
	}
	s := ws.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if ws.writing {
		return false
	}
	ws.writing = true
	return true
}

// refuse closes a connection that never was a session's transport, or that probes.
func (ws *webSocket) refuse() {
	ws.writeClose(websocket.CodeNoStatus)
	ws.refused = true
	ws.linger()
	ws.begin()
}

// linger goes on reading, for closing while unread bytes are there resets the connection, and the client may lose the close frame.
func (ws *webSocket) linger() {
	ws.lingering = true
	ws.conn.SetDeadline(time.Now().Add(closeWait))
}

// conclude closes the connection at last.
func (ws *webSocket) conclude() {
	if ws.closed {
		return
	}
	ws.closed = true
	ws.conn.Close()
	if !ws.refused {
		ws.finishClosing()
	}
}

// writeClose writes a close frame, if the connection takes it.
func (ws *webSocket) writeClose(code int) {
	ws.conn.SetDeadline(time.Now().Add(closeWait))
	_, _ = ws.conn.Write(websocket.CloseFrame(code)) // the connection ends anyway
}

// closeReason is what a reader's error is to the application.
func (ws *webSocket) closeReason(err error) CloseReason {
	var broken *websocket.CloseError
	if errors.As(err, &broken) && !broken.ByClient {
		return ReasonTransportError
	}
	return ReasonTransportClose
}
