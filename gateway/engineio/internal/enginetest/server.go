// SPDX-License-Identifier: Apache-2.0

// Package enginetest runs an Engine.IO server for a test, with clients that see each byte of the
// protocol.
package enginetest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// Patience is how long anything that must happen may take.
const Patience = 10 * time.Second

// Server is a running server and what its sessions bring.
type Server struct {
	Engine *engineio.Server
	// URL is that of the Engine.IO endpoint, without a query.
	URL string
	// Address is the host and port that it listens on.
	Address string

	t        testing.TB
	client   *http.Client
	sessions chan *Session
	// dialContext connects clients.
	dialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Start runs a server until the end of the test. It echoes; each function may change the
// configuration before.
func Start(t testing.TB, configure ...func(*engineio.Config)) *Server {
	t.Helper()
	return start(t, httptest.NewServer, configure)
}

// StartTLS is Start over TLS.
func StartTLS(t testing.TB, configure ...func(*engineio.Config)) *Server {
	t.Helper()
	return start(t, httptest.NewTLSServer, configure)
}

// StartOn is Start with a web server of the test's own.
func StartOn(t testing.TB, listen func(http.Handler) *httptest.Server, configure ...func(*engineio.Config)) *Server {
	t.Helper()
	return start(t, listen, configure)
}

func start(t testing.TB, listen func(http.Handler) *httptest.Server, configure []func(*engineio.Config)) *Server {
	t.Helper()
	s := &Server{t: t, sessions: make(chan *Session, 1000), dialContext: new(net.Dialer).DialContext}
	c := engineio.Config{OnSession: s.onSession}
	for _, f := range configure {
		f(&c)
	}
	engine, err := engineio.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Engine = engine
	web := listen(engine)
	s.client = web.Client()
	s.URL = web.URL + "/engine.io/"
	s.Address = web.Listener.Addr().String()
	t.Cleanup(func() {
		engine.Close()
		s.client.CloseIdleConnections()
		web.Close()
	})
	return s
}

// Session is the server's side of a connection.
type Session struct {
	*engineio.Session
	t        testing.TB
	messages chan Message
	closed   chan Closed
}

// Message is one that a session has received.
type Message struct {
	Data   string
	Binary bool
}

// Closed is how a session has ended.
type Closed struct {
	Reason engineio.CloseReason
	Err    error
}

func (s *Server) onSession(session *engineio.Session) engineio.Handler {
	v := &Session{
		Session:  session,
		t:        s.t,
		messages: make(chan Message, 1000),
		closed:   make(chan Closed, 2), // so that a second call would be seen
	}
	s.sessions <- v
	return v
}

// OnMessage sends the message back.
func (s *Session) OnMessage(data []byte, binary bool) {
	s.messages <- Message{string(data), binary}
	message := engineio.NewText
	if binary {
		message = engineio.NewBinary
	}
	s.Send(message(data))
}

// OnClose notes the end.
func (s *Session) OnClose(reason engineio.CloseReason, err error) { s.closed <- Closed{reason, err} }

// Session is the next session that the server has opened.
func (s *Server) Session() *Session {
	s.t.Helper()
	return receive(s.t, s.sessions, "a session")
}

// NoSession fails the test if a session was opened that Session has not returned.
func (s *Server) NoSession() {
	s.t.Helper()
	select {
	case session := <-s.sessions:
		s.t.Errorf("session %s was opened", session.ID())
	default:
	}
}

// Message is the session's next message.
func (s *Session) Message() Message {
	s.t.Helper()
	return receive(s.t, s.messages, "a message")
}

// Closed is where the session's end will be told.
func (s *Session) Closed() <-chan Closed { return s.closed }

// WantClosed waits for the session's end, which must have this reason.
func (s *Session) WantClosed(reason engineio.CloseReason) Closed {
	s.t.Helper()
	closed := receive(s.t, s.closed, "the end of the session")
	if closed.Reason != reason {
		s.t.Errorf("closed by %q (%v), want %q", closed.Reason, closed.Err, reason)
	}
	return closed
}

// WantOpen fails the test if the session has ended.
func (s *Session) WantOpen() {
	s.t.Helper()
	select {
	case closed := <-s.closed:
		s.t.Errorf("session closed by %q (%v)", closed.Reason, closed.Err)
	default:
	}
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(Patience):
		t.Fatalf("waited for %s", what)
		panic("unreachable")
	}
}
