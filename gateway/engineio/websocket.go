// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/wireform"
)

// webSocket is the WebSocket transport.
type webSocket struct {
	duplex
	frames websocket.Reader
	// arrived is a message for Handle; its type is 0 if there is none. Only the reader uses it.
	arrived packet.Packet
	client  wireform.Client
	// lingering: further data of the client is discarded. discarded is its number of bytes. Only
	// the reader uses these.
	discarded int
	lingering bool
	// refused: the connection does not belong to a session. closed: it is closed.
	refused, closed bool
	// taken is the number of packets in this turn. paused: the turn is over, and there may be more
	// packets. Only the reader uses both.
	taken  uint8
	paused bool
	// seenTurn is the turn of the session at the last call of HandOn.
	seenTurn uint64
}

// upgradeToWebSocket answers the request with 101, or refuses it.
func (s *Server) upgradeToWebSocket(w http.ResponseWriter, req *request.Request, c *Config) (*webSocket, error) {
	c.addHeaders(w.Header(), req, "") // in addition to those of middlewares
	deflate := c.PerMessageDeflate.threshold(req.Request)
	conn, early, err := websocket.Upgrade(w, req.Request, deflate > 0, refuseUpgrade)
	if errors.Is(err, websocket.ErrNoHijacker) {
		s.noHijacker.Do(func() { c.ErrorLog.Error("no client can use websockets", "error", err) })
	}
	if err != nil {
		return nil, fmt.Errorf("upgrade to websocket: %w", err)
	}
	ws := &webSocket{
		frames: websocket.Reader{Limit: c.MaxPayload, Inflate: deflate > 0},
		client: wireform.Client{Deflate: deflate, Protocol: req.Protocol(), Base64: req.Base64()},
	}
	ws.encode, ws.common = ws.frame, ws.client.IsCommon()
	return ws, ws.takeOver(s, conn, early)
}

func refuseUpgrade(w http.ResponseWriter) { refusals.BadRequest.Write(w, true) }

// takeOver passes the connection to the server's poller, if that can read it. early was read with
// the request.
func (ws *webSocket) takeOver(s *Server, conn net.Conn, early []byte) error {
	polled, err := s.poller.Take(conn, early)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		ws.conn = conn
		ws.lone = newLone(patience.Stream, func() *Session { return ws.session }, func() { go ws.readStream() })
		ws.lone.stream = conn
		ws.frames.Unread(early)
		return nil
	case err != nil:
		return fmt.Errorf("read the connection: %w", err)
	}
	ws.conn, ws.polled = polled, polled
	return nil
}

// acceptWebSocket answers a handshake over WebSocket.
func (s *Server) acceptWebSocket(w http.ResponseWriter, c *Config, req *request.Request) {
	id, err := c.newID()
	if err != nil {
		refusals.BadRequest.Write(w, true)
		return
	}
	ws, err := s.upgradeToWebSocket(w, req, c)
	if err != nil {
		return
	}
	session, refusal := s.open(c, req, id, func(s *Session) transport {
		ws.session = s
		return ws
	})
	if refusal != nil {
		ws.refuse()
		return
	}
	session.serve(ws)
}

func (ws *webSocket) name() string { return WebSocket }

func (ws *webSocket) shutdown(mode closeMode) {
	if mode.lastPacket == nil {
		ws.interrupt()
		return
	}
	ws.stopped = true
	if mode.dropQueue && ws.polled != nil {
		ws.left.Drop()
	}
	ws.conn.SetDeadline(time.Now().Add(max(mode.wait, closeWait)))
	ws.session.queue.Push(closePacket)
	ws.flush()
}

func (ws *webSocket) frame(m *Message) []byte { return ws.client.Frame(&m.form) }

// lingerBytes limits how much is read from a client that continues to send after its connection was
// closed for an error.
const lingerBytes = 16 << 20

// readEnded ends the session, if the connection carried it, and the connection. The reader calls
// it.
func (ws *webSocket) readEnded(err error) {
	if ws.upgrade == nil {
		ws.session.flushSoon()
	}
	closing := ws.finishReading(ws.closeReason(err), err)
	var broken *websocket.CloseError
	broke := errors.As(err, &broken)
	code := websocket.CodeNoStatus
	if broke {
		code = broken.Code
	}
	if !closing && (broke || ws.upgrade != nil) && ws.claimLastWrite() {
		ws.writeClose(code)
		if !broke || !broken.ByClient {
			ws.linger()
			return
		}
	}
	ws.closeConn()
}

// claimLastWrite makes the reader the only writer from now on. It returns false during another
// write: part of a frame may have been sent, and a close frame would become part of that frame.
func (ws *webSocket) claimLastWrite() bool {
	if ws.upgrade != nil { // not the session's transport yet: there is no other writer
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

// refuse closes a connection that never was the transport of a session, or that is probing.
func (ws *webSocket) refuse() {
	ws.writeClose(websocket.CodeNoStatus)
	ws.refused = true
	ws.linger()
	ws.begin()
}

// linger continues to read, since closing a connection with unread data resets it, and the client
// may lose the close frame.
func (ws *webSocket) linger() {
	ws.lingering = true
	ws.conn.SetDeadline(time.Now().Add(closeWait))
}

// closeConn closes the connection.
func (ws *webSocket) closeConn() {
	if ws.closed {
		return
	}
	ws.closed = true
	ws.conn.Close()
	if !ws.refused {
		ws.finishClosing()
	}
}

// writeClose writes a close frame, if the connection has room.
func (ws *webSocket) writeClose(code int) {
	ws.conn.SetDeadline(time.Now().Add(closeWait))
	_, _ = ws.conn.Write(websocket.CloseFrame(code)) // the connection ends anyway
}

// closeReason returns the reason for OnClose after an error of the reader.
func (ws *webSocket) closeReason(err error) CloseReason {
	var broken *websocket.CloseError
	if errors.As(err, &broken) && !broken.ByClient {
		return ReasonTransportError
	}
	return ReasonTransportClose
}

// Panicked ends a connection after a panic of its reader.
func (ws *webSocket) Panicked(value any) {
	ws.arrived = packet.Packet{}
	if ws.session != nil {
		ws.finishReading(ReasonTransportError, ws.session.panicked(placeTransport, value))
	}
	ws.closeConn()
}
