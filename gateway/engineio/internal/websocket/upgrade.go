// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{
	// The library writes the handshake only, for which it takes no buffer of the pool; without one
	// it would make a buffer.
	WriteBufferPool: &sync.Pool{},
	// The caller has judged the origin.
	CheckOrigin: func(*http.Request) bool { return true },
}

// hijacker keeps what net/http has read already when its connection is taken over.
type hijacker struct {
	http.ResponseWriter
	early []byte
	// unsupported: there is nothing that could be taken over.
	unsupported bool
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.unsupported = errors.Is(err, http.ErrNotSupported)
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

// IsUpgrade reports whether a request asks for a websocket connection.
func IsUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// ErrNoHijacker is Upgrade's error for a connection that cannot be taken over.
var ErrNoHijacker = errors.New("the http.ResponseWriter is no http.Hijacker, and has no Unwrap that leads to one")

// Upgrade answers 101, with the headers that w has, and takes the connection over; deflate accepts
// compressed messages, of an offer that AcceptsDeflate likes. early is what the client has sent
// behind its request. A request that cannot be upgraded is answered by refuse.
func Upgrade(w http.ResponseWriter, r *http.Request, deflate bool, refuse func(http.ResponseWriter)) (conn net.Conn, early []byte, err error) {
	header := w.Header()
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		// Browsers give up a connection for which none of theirs was chosen. It means nothing to
		// Engine.IO.
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	u := upgrader
	u.Error = func(w http.ResponseWriter, _ *http.Request, _ int, _ error) { refuse(w) }
	if deflate {
		u.EnableCompression = true
		offered := *r
		offered.Header = r.Header.Clone()
		offered.Header["Sec-Websocket-Extensions"] = []string{deflateOffer} // what we made of the client's offers
		r = &offered
	}
	h := &hijacker{ResponseWriter: w}
	upgraded, err := u.Upgrade(h, r, header)
	if h.unsupported {
		return nil, nil, ErrNoHijacker
	}
	if err != nil {
		return nil, nil, err
	}
	return upgraded.NetConn(), h.early, nil
}
