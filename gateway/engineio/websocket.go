// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/websocket"
)

// webSocket is the websocket transport. gorilla/websocket upgrades; the frames are read and written here.
type webSocket struct {
	duplex
	frames websocket.Reader
	// arrived is a message for Handle; its type is 0 if there is none. The reader alone uses it.
	arrived packet.Packet
	// stream is what is read; nil for a connection that is polled.
	stream io.Reader
	// deflate is the size from which messages are sent compressed, 0 for never.
	deflate int
	// protocol is the revision that the client speaks, base64 that it takes no bytes.
	protocol int
	// lingering: nothing counts any more that the client sends. discarded is how much of that there was. The reader alone uses these.
	discarded         int
	base64, lingering bool
	// refused: no session has to do with it. closed: it is closed.
	refused, closed bool
}

// upgradeToWebSocket answers 101, or refuses the request itself.
func (s *Server) upgradeToWebSocket(w http.ResponseWriter, req *request, c *Config) (*webSocket, error) {
	c.addHeaders(w.Header(), req, "") // beside what a middleware has set
	deflate := c.PerMessageDeflate.threshold(req.Request)
	conn, early, err := websocket.Upgrade(w, req.Request, deflate > 0, refuseUpgrade)
	if err != nil {
		return nil, fmt.Errorf("upgrade to websocket: %w", err)
	}
	ws := &webSocket{
		frames:   websocket.Reader{Limit: c.MaxPayload, Inflate: deflate > 0},
		deflate:  deflate,
		protocol: req.protocol(),
		base64:   req.base64(),
	}
	ws.encode = ws.frame
	ws.common = ws.deflate == 0 && ws.protocol == protocol4 && !ws.base64
	return ws, ws.takeOver(s, conn, early)
}

func refuseUpgrade(w http.ResponseWriter) { errBadRequest.write(w, true) }

// takeOver has the server's poller read the connection, if it can, after bytes that came with the
// request.
func (ws *webSocket) takeOver(s *Server, conn net.Conn, early []byte) error {
	polled, err := s.poller.Take(conn, early)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		ws.conn, ws.stream = conn, conn
		ws.frames.Unread(early)
		return nil
	case err != nil:
		return fmt.Errorf("read the connection: %w", err)
	}
	ws.conn, ws.polled = polled, polled
	return nil
}

// acceptWebSocket answers a handshake over websocket.
func (s *Server) acceptWebSocket(w http.ResponseWriter, c *Config, req *request) {
	id, err := c.newID()
	if err != nil {
		errBadRequest.write(w, true)
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
	session.mu.Lock()
	session.tasks++
	session.flush()
	session.mu.Unlock()
	ws.begin()
}

func (ws *webSocket) name() string { return WebSocket }

func (ws *webSocket) stop(how ending) {
	if how.farewell == nil {
		ws.interrupt()
		return
	}
	ws.stopped = true
	if how.drop && ws.polled != nil {
		ws.left.messages = nil // but a frame that has begun is finished
	}
	ws.conn.SetDeadline(time.Now().Add(max(how.await, closeWait)))
	ws.session.queue.push(closePacket)
	ws.flush()
}
