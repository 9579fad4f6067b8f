// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
)

// transit is a request that is being forwarded, until it is answered; for a websocket, until it
// closes.
type transit struct {
	// request and writer are those of the client.
	request *http.Request
	writer  http.ResponseWriter
	// owner is the id of the gateway that has the session, and address its address.
	owner, address string
	cancel         context.CancelFunc
	done           chan struct{} // closed when it has been answered
	// hijacked: nothing can be answered any more. Only the goroutine that serves the request uses
	// it.
	hijacked bool
}

type transitKey struct{}

func transitOf(ctx context.Context) *transit { return ctx.Value(transitKey{}).(*transit) }

func (t *transit) isUpgrade() bool { return websocket.IsWebSocketUpgrade(t.request) }
func (t *transit) isPoll() bool    { return t.request.Method == http.MethodGet && !t.isUpgrade() }

func (f *Forwarder) begin(t *transit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.open[t] = struct{}{}
	return true
}

func (f *Forwarder) end(t *transit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, t)
	close(t.done)
}

func (f *Forwarder) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open)
}

func (f *Forwarder) transits() []*transit {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*transit, 0, len(f.open))
	for t := range f.open {
		all = append(all, t)
	}
	return all
}

// writer hands over a client's connection with everything that the client has sent already:
// ReverseProxy uses only the connection, and would lose what net/http has read of it together with
// the request.
type writer struct {
	http.ResponseWriter
	transit *transit
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the client's connection: %w", err)
	}
	w.transit.hijacked = true
	early := make([]byte, rw.Reader.Buffered())
	if _, err := rw.Read(early); err != nil && len(early) > 0 {
		conn.Close()
		return nil, nil, fmt.Errorf("take over what the client has sent: %w", err)
	}
	return &tunnel{Conn: conn, early: early}, rw, nil
}
