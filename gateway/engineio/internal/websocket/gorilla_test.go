// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

var noDeadline time.Time

// recorder is a connection that keeps what is written to it.
type recorder struct {
	net.Conn
	mu   sync.Mutex
	sent bytes.Buffer // guarded by mu
	keep bool         // guarded by mu
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keep {
		r.sent.Write(b)
	}
	return r.Conn.Write(b)
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent.Bytes()
}

// dialRecorder is a client whose frames are kept, of a server that reads them and does no more.
func dialRecorder(t testing.TB, compress bool) (*gorilla.Conn, *recorder) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := gorilla.Upgrader{EnableCompression: compress}
		conn, err := u.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	}))
	t.Cleanup(server.Close)
	var r *recorder
	dialer := gorilla.Dialer{EnableCompression: compress, NetDial: func(network, addr string) (net.Conn, error) {
		conn, err := net.Dial(network, addr)
		r = &recorder{Conn: conn}
		return r, err
	}}
	conn, _, err := dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep = true
	return conn, r
}
