// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// webSocket is the websocket transport. gorilla/websocket upgrades; the frames are read and written here.
type webSocket struct {
	duplex
	frames frameReader
	// arrived is a message for Handle; its type is 0 if there is none. The reader alone uses it.
	arrived packet
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

var upgrader = websocket.Upgrader{
	// The library writes the handshake only, for which it takes no buffer of the pool; without one it would make a buffer.
	WriteBufferPool: &sync.Pool{},
	// CORS.refuses has judged the origin.
	CheckOrigin: func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, _ int, _ error) {
		errBadRequest.write(w, true)
	},
}

// hijacker keeps what net/http has read already when its connection is taken over.
type hijacker struct {
	http.ResponseWriter
	early []byte
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := buffers.Reader.Buffered(); n > 0 {
		early, _ := buffers.Reader.Peek(n) // it has as much
		h.early = bytes.Clone(early)
		_, _ = buffers.Reader.Discard(n)
	}
	return conn, buffers, nil
}

// upgradeToWebSocket answers 101, or refuses the request itself.
func (s *Server) upgradeToWebSocket(w http.ResponseWriter, req *request, c *Config) (*webSocket, error) {
	header := w.Header() // what a middleware has set
	c.addHeaders(header, req, "")
	if offered := websocket.Subprotocols(req.Request); len(offered) > 0 {
		// Browsers give up a connection for which none of theirs was chosen. It means nothing to Engine.IO.
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	r, u := req.Request, upgrader
	deflate := c.PerMessageDeflate.threshold(r)
	if deflate > 0 {
		u.EnableCompression = true
		offered := *r
		offered.Header = r.Header.Clone()
		offered.Header["Sec-Websocket-Extensions"] = []string{deflateOffer} // what we made of the client's offers
		r = &offered
	}
	h := &hijacker{ResponseWriter: w}
	upgraded, err := u.Upgrade(h, r, header)
	if err != nil {
		return nil, fmt.Errorf("upgrade to websocket: %w", err)
	}
	ws := &webSocket{
		frames:   frameReader{limit: c.MaxPayload, inflate: deflate > 0},
		deflate:  deflate,
		protocol: req.protocol(),
		base64:   req.base64(),
	}
	ws.encode = ws.frame
	ws.common = ws.deflate == 0 && ws.protocol == protocol4 && !ws.base64
	return ws, ws.takeOver(s, upgraded.NetConn(), h.early)
}

// takeOver has the server's poller read the connection, if it can, after bytes that came with the
// request.
func (ws *webSocket) takeOver(s *Server, conn net.Conn, early []byte) error {
	polled, err := s.poller.Take(conn, early)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		ws.conn, ws.stream, ws.frames.partial = conn, conn, early
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
