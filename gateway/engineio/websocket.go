// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// readBufferSize is what a connection keeps for reading. Chat messages fit; longer ones take more system calls.
const readBufferSize = 512

// webSocket is the websocket transport.
type webSocket struct {
	duplex
	// frames reads frames. It never writes to the connection, except that it tells a client which rule of
	// RFC 6455 it has broken; net.Conn keeps the bytes of two Write calls apart.
	frames *websocket.Conn
	// limit is the largest message, also of a compressed one when it is inflated.
	limit int64
	// deflate is the size from which messages are sent compressed, 0 for never.
	deflate int
	// protocol is the revision that the client speaks, base64 that it takes no bytes.
	protocol int
	base64   bool
}

var upgrader = websocket.Upgrader{
	ReadBufferSize: readBufferSize,
	// gorilla/websocket writes nothing but the handshake and protocol errors, neither of which takes a buffer of the pool;
	// without a pool each connection would keep a buffer of its own.
	WriteBufferPool: &sync.Pool{},
	// Other origins are let in here as in the reference implementation: browsers send no credentials that
	// this package would look at, and an application can refuse them in AllowRequest.
	CheckOrigin: func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, _ int, _ error) {
		errBadRequest.write(w, true)
	},
}

// upgradeToWebSocket answers 101, or refuses the request itself.
func upgradeToWebSocket(w http.ResponseWriter, req *request, c *Config) (*webSocket, error) {
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
		r = r.Clone(r.Context())
		r.Header["Sec-Websocket-Extensions"] = []string{deflateOffer} // what we made of the client's offers
	}
	frames, err := u.Upgrade(w, r, header)
	if err != nil {
		return nil, fmt.Errorf("upgrade to websocket: %w", err)
	}
	frames.SetReadLimit(c.MaxPayload)
	ws := &webSocket{
		duplex:   duplex{conn: frames.NetConn()},
		frames:   frames,
		limit:    c.MaxPayload,
		deflate:  deflate,
		protocol: req.protocol(),
		base64:   req.base64(),
	}
	ws.encode = ws.frame
	ws.direct = newDirect(ws.conn)
	ws.common = ws.deflate == 0 && ws.protocol == protocol4 && !ws.base64
	// The reader answers a close frame when it ends, behind what is being written.
	frames.SetCloseHandler(func(int, string) error { return nil })
	frames.SetPingHandler(ws.onPing)
	return ws, nil
}

// acceptWebSocket answers a handshake over websocket.
func (s *Server) acceptWebSocket(w http.ResponseWriter, c *Config, req *request) {
	id, err := c.newID()
	if err != nil {
		errBadRequest.write(w, true)
		return
	}
	ws, err := upgradeToWebSocket(w, req, c)
	if err != nil {
		return
	}
	session, refusal := s.open(c, req, id, func(s *Session) transport {
		ws.session = s
		return ws
	})
	if refusal != nil {
		ws.hangUp(nil)
		return
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	session.tasks++
	go serveLink(ws)
	ws.flush()
}

func (ws *webSocket) name() string { return WebSocket }

func (ws *webSocket) stop(how ending) {
	if how.farewell == nil {
		ws.interrupt()
		return
	}
	ws.stopped = true
	ws.conn.SetDeadline(time.Now().Add(max(how.await, closeWait)))
	ws.session.queue.push(closePacket)
	ws.flush()
}
