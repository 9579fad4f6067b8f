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
	// The library only writes the handshake, for which it takes no buffer from the pool; without a
	// pool it would allocate one.
	WriteBufferPool: &sync.Pool{},
	// The caller checks the origin.
	CheckOrigin: func(*http.Request) bool { return true },
}

// hijacker keeps the bytes that net/http has already read from a hijacked connection.
type hijacker struct {
	http.ResponseWriter
	early []byte
	// unsupported: the ResponseWriter cannot be hijacked.
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
		early, _ := buffers.Reader.Peek(n) // n bytes are buffered
		h.early = bytes.Clone(early)
		_, _ = buffers.Reader.Discard(n)
	}
	return conn, buffers, nil
}

// IsUpgrade reports whether a request asks for a websocket connection.
func IsUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// ErrNoHijacker is the error of Upgrade for a connection that cannot be hijacked.
var ErrNoHijacker = errors.New("the http.ResponseWriter is no http.Hijacker, and has no Unwrap that leads to one")

// Upgrade answers with 101 and the headers of w, and takes ownership of the connection. deflate
// accepts compressed messages, for an offer that AcceptsDeflate accepts. early is data that the
// client has sent after its request. refuse answers a request that cannot be upgraded.
func Upgrade(w http.ResponseWriter, r *http.Request, deflate bool, refuse func(http.ResponseWriter)) (conn net.Conn, early []byte, err error) {
	header := w.Header()
	if offered := websocket.Subprotocols(r); len(offered) > 0 {
		// Browsers close a connection if none of their subprotocols was chosen. Engine.IO does not
		// use them.
		header.Set("Sec-Websocket-Protocol", offered[0])
	}
	u := upgrader
	u.Error = func(w http.ResponseWriter, _ *http.Request, _ int, _ error) { refuse(w) }
	if deflate {
		u.EnableCompression = true
		offered := *r
		offered.Header = r.Header.Clone()
		offered.Header["Sec-Websocket-Extensions"] = []string{deflateOffer} // in place of the client's offers
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
