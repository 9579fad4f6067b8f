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

// webSocket is the websocket transport. gorilla/websocket upgrades; the frames are read and written here.
type webSocket struct {
	duplex
	frames websocket.Reader
	// arrived is a message for Handle; its type is 0 if there is none. The reader alone uses it.
	arrived packet.Packet
	client  wireform.Client
	// lingering: nothing counts any more that the client sends. discarded is how much of that there was. The reader alone uses these.
	discarded int
	lingering bool
	// refused: no session has to do with it. closed: it is closed.
	refused, closed bool
	// taken is how many packets were taken in this turn, paused that it is over and something may be left. The reader alone uses
	// both.
	taken  uint8
	paused bool
	// seenTurn is the session's turn that HandOn has seen last.
	seenTurn uint64
}

// upgradeToWebSocket answers 101, or refuses the request itself.
func (s *Server) upgradeToWebSocket(w http.ResponseWriter, req *request.Request, c *Config) (*webSocket, error) {
	c.addHeaders(w.Header(), req, "") // beside what a middleware has set
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

// takeOver has the server's poller read the connection, if it can, after bytes that came with the
// request.
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

// acceptWebSocket answers a handshake over websocket.
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

// lingerBytes bounds what is read of a client that was told that it broke the protocol, and goes on sending.
const lingerBytes = 16 << 20

// readEnded ends the session, if the connection has carried it, and the connection. It is called by the reader.
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

// claimLastWrite makes the reader the only one that writes, for good. It is false while another write is
// under way: a part of a frame may be out then, and a close frame would become a part of that frame.
func (ws *webSocket) claimLastWrite() bool {
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

// closeConn closes the connection at last.
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

// Panicked ends a connection whose frames could not be read.
func (ws *webSocket) Panicked(value any) {
	ws.arrived = packet.Packet{}
	if ws.session != nil {
		ws.finishReading(ReasonTransportError, ws.session.panicked(placeTransport, value))
	}
	ws.closeConn()
}
