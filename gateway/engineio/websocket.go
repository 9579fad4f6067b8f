// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// readBufferSize is what a connection keeps for reading. Chat messages fit; longer ones take more system calls.
const readBufferSize = 512

// webSocket is the websocket transport. Who finds nobody writing starts a goroutine that writes all that waits, until
// nothing does, so that an idle connection has only its reader. The reader owns the connection: it alone closes it, and
// others end it by a deadline.
type webSocket struct {
	session *Session
	// frames reads frames. It never writes to the connection, except that it tells a client which rule of
	// RFC 6455 it has broken; net.Conn keeps the bytes of two Write calls apart.
	frames *websocket.Conn
	conn   net.Conn

	// writing: a goroutine drains the queue. The session's lock guards it.
	writing bool
	// batch is the number of the batch that is being written, seen the one that stuck last found there, 0 for none.
	// The session's lock guards both.
	batch, seen uint64
	// stopped: the client was told, or will be, that the connection ends. The session's lock guards it.
	stopped bool
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
func upgradeToWebSocket(w http.ResponseWriter, r *http.Request, c *Config) (*webSocket, error) {
	header := w.Header() // what a middleware has set
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		// Browsers give up a connection for which none of theirs was chosen. It means nothing to Engine.IO.
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	frames, err := upgrader.Upgrade(w, r, header)
	if err != nil {
		return nil, fmt.Errorf("upgrade to websocket: %w", err)
	}
	frames.SetReadLimit(c.MaxPayload)
	ws := &webSocket{frames: frames, conn: frames.NetConn()}
	// The reader answers a close frame when it ends, behind what is being written.
	frames.SetCloseHandler(func(int, string) error { return nil })
	frames.SetPingHandler(ws.onPing)
	return ws, nil
}

// acceptWebSocket answers a handshake over websocket.
func (s *Server) acceptWebSocket(w http.ResponseWriter, c *Config, req *request) {
	id, err := c.NewID()
	if err != nil {
		c.ErrorLog.Error("engine.io handshake", "error", err)
		errBadRequest.write(w, true)
		return
	}
	ws, err := upgradeToWebSocket(w, req.Request, c)
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
	go ws.serve()
	ws.flush()
}

func (ws *webSocket) name() string   { return WebSocket }
func (ws *webSocket) writable() bool { return !ws.writing && ws.session.queue.empty() }

func (ws *webSocket) stuck() bool {
	if !ws.writing {
		ws.seen = 0
		return false
	}
	same := ws.seen == ws.batch
	ws.seen = ws.batch
	return same
}

func (ws *webSocket) flush() {
	if ws.writing || ws.session.queue.empty() {
		return
	}
	ws.writing = true
	ws.session.tasks++
	go ws.drain()
}

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

func (ws *webSocket) cut() { ws.interrupt() }

// interrupt makes the reader and the writer end. It does not block, unlike closing a TLS connection.
func (ws *webSocket) interrupt() { ws.conn.SetDeadline(time.Unix(1, 0)) }
