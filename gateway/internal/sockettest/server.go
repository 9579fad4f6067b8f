// SPDX-License-Identifier: Apache-2.0

// Package sockettest has Socket.IO servers for tests, and clients that come back to them.
package sockettest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Path is that of the servers.
const Path = "/socket.io/"

// Server is a Socket.IO server.
type Server struct {
	IO  *socketio.Server
	URL string
	// Sockets are those of the main namespace, as they connect.
	Sockets chan *socketio.Socket
}

// Host is a Server, or has one embedded.
type Host interface{ Host() *Server }

// Host implements Host.
func (s *Server) Host() *Server { return s }

// Link connects a server to others.
type Link interface {
	NewAdapter(*socketio.Namespace) socketio.Adapter
	NewSocketID() string
	Close()
}

// Serve runs a server with a link, until the test ends; recovers: its clients can come back.
func Serve(t testing.TB, link Link, recovers bool) *Server {
	t.Helper()
	options := socketio.Options{NewAdapter: link.NewAdapter, NewSocketID: link.NewSocketID}
	if recovers {
		options.Recovery = &socketio.Recovery{RunMiddlewares: true}
	}
	options.Engine.Path = Path
	io, err := socketio.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{IO: io, Sockets: make(chan *socketio.Socket, 16)}
	io.OnConnection(func(socket *socketio.Socket) { s.Sockets <- socket })
	hs := httptest.NewServer(io)
	s.URL = hs.URL
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		link.Close()
		hs.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// Client connects one client and puts it into rooms.
func (s *Server) Client(t *testing.T, rooms ...string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	c, _ := wiretest.Connect(t, s.URL, Path, "/")
	socket := <-s.Sockets
	socket.Join(rooms...)
	return c, socket
}
