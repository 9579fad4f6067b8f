// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// recovering is a server without other servers, whose clients can come back.
type recovering struct {
	io      *socketio.Server
	url     string
	sockets chan *socketio.Socket
}

func newRecovering(t *testing.T, o socketio.Options) *recovering {
	t.Helper()
	if o.Recovery == nil {
		o.Recovery = &socketio.Recovery{}
	}
	r := &recovering{sockets: make(chan *socketio.Socket, 16)}
	r.io, r.url = server(t, o)
	r.io.OnConnection(func(s *socketio.Socket) { r.sockets <- s })
	return r
}

// guest is a client of such a server, with the socket that it has there.
type guest struct {
	wiretest.Guest
	to     *recovering
	socket *socketio.Socket
}

// arrive connects for the first time.
func (r *recovering) arrive(t *testing.T, rooms ...string) *guest {
	t.Helper()
	g := &guest{Guest: wiretest.Guest{T: t}, to: r}
	g.connect()
	g.socket.Join(rooms...)
	return g
}

// ask sends CONNECT.
func (g *guest) ask() {
	g.T.Helper()
	g.Ask(g.to.url, path)
}

// connect asks for the session that there was.
func (g *guest) connect() (recovered bool) {
	g.T.Helper()
	g.ask()
	recovered = g.Answer()
	g.socket = <-g.to.sockets
	if recovered != g.socket.Recovered() {
		g.T.Errorf("the server says recovered %t, the client %t", g.socket.Recovered(), recovered)
	}
	return recovered
}

// mustConnect wants the session that there was, and these events, and no others, behind the answer.
func (g *guest) mustConnect(missed ...string) {
	g.T.Helper()
	if !g.connect() {
		g.T.Fatal("not recovered")
	}
	g.Expect(missed...)
	emit(g.T, g.socket, "nothing else")
	g.Expect(`["nothing else"]`)
}

// vanish ends the connection without a word, and returns when the server has kept the session.
func (g *guest) vanish() {
	g.T.Helper()
	gone := make(chan struct{})
	g.socket.OnDisconnect(func(string) { close(gone) })
	g.Wire.Close()
	<-gone
}

// emitVolatile emits a volatile event until it gets through: one that comes while another is being
// written is dropped.
func (g *guest) emitVolatile(b interface{ Emit(string, ...any) error }) {
	g.T.Helper()
	const ordinary = `["n","ordinary"]`
	for range 1000 {
		emit(g.T, b, "v", "text")
		emit(g.T, g.socket, "n", "ordinary")
		got := g.Take(g.Wire.Receive())
		if got == `["v","text"]` {
			g.Expect(ordinary)
			return
		}
		if got != ordinary {
			g.T.Fatalf("received %s", got)
		}
	}
	g.T.Fatal("no volatile event has come through")
}

func emit(t *testing.T, b interface{ Emit(string, ...any) error }, event string, values ...any) {
	t.Helper()
	if err := b.Emit(event, values...); err != nil {
		t.Fatal(err)
	}
}

// unreachable keeps no session now.
type unreachable struct{ socketio.SessionKeeper }

func (unreachable) Find(string, string) (*socketio.Session, error) {
	return nil, errors.New("the store does not answer")
}

func (unreachable) Close() error { return nil }

// A close packet is a wish to stay away, to python-engineio.
func TestAPollingClientThatCannotComeBackYetIsNotSentAway(t *testing.T) {
	io, url := server(t, socketio.Options{
		Recovery:   &socketio.Recovery{},
		NewAdapter: func(*socketio.Namespace) socketio.Adapter { return unreachable{} },
	})
	io.Of("/")
	p := newPoller(t, url)
	p.post(`40{"pid":"former"}`)
	if status, body := p.get(); status != http.StatusBadRequest {
		t.Errorf("its poll is answered %d %s", status, body)
	}
}
