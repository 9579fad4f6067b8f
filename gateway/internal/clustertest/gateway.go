// SPDX-License-Identifier: Apache-2.0

// Package clustertest has gateways over real NATS servers, and clients that come back to them, for
// the tests of what a cluster is made of.
package clustertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Path is that of the gateways.
const Path = "/socket.io/"

// Gateway is a Socket.IO server with a link to others.
type Gateway struct {
	Cluster *cluster.Cluster
	IO      *socketio.Server
	URL     string
	Sockets chan *socketio.Socket
}

// NewGateway runs one, until the test ends.
func NewGateway(t testing.TB, o cluster.Options) *Gateway {
	t.Helper()
	if o.Service == "" {
		o.Service = "default/chat"
	}
	c, err := cluster.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	options := socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID}
	if o.Recovery != nil {
		options.Recovery = &socketio.Recovery{RunMiddlewares: true}
	}
	options.Engine.Path = Path
	io, err := socketio.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{Cluster: c, IO: io, Sockets: make(chan *socketio.Socket, 16)}
	io.OnConnection(func(s *socketio.Socket) { g.Sockets <- s })
	hs := httptest.NewServer(io)
	g.URL = hs.URL
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		c.Close()
		hs.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return g
}

// Client connects one client and puts it into rooms.
func (g *Gateway) Client(t *testing.T, rooms ...string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	c, _ := wiretest.Connect(t, g.URL, Path, "/")
	s := <-g.Sockets
	s.Join(rooms...)
	return c, s
}

// Recovering is a gateway whose clients can come back.
func Recovering(t *testing.T, ns *natsserver.Server) *Gateway {
	t.Helper()
	return RecoveringWith(t, ns, cluster.Options{})
}

// RecoveringWith is one with more options.
func RecoveringWith(t *testing.T, ns *natsserver.Server, o cluster.Options) *Gateway {
	t.Helper()
	o.URLs = []string{ns.ClientURL()}
	o.Recovery = &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second}
	g := NewGateway(t, o)
	wiretest.Await(t, "the log is ready", g.Cluster.LogReady)
	return g
}

// Replicated is a gateway whose log is on three NATS servers.
func Replicated(t *testing.T, o cluster.Options) *Gateway {
	t.Helper()
	o.Recovery = &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 1000, Detection: time.Second, Replicas: 3}
	g := NewGateway(t, o)
	wiretest.Await(t, "the log is ready", g.Cluster.LogReady)
	return g
}

// Person is a client that can come back, with the socket that it has at a gateway.
type Person struct {
	wiretest.Guest
	Socket *socketio.Socket
}

// Arrive connects for the first time.
func Arrive(t *testing.T, g *Gateway, rooms ...string) *Person {
	t.Helper()
	p := &Person{Guest: wiretest.Guest{T: t}}
	p.Connect(g)
	p.Socket.Join(rooms...)
	return p
}

// Connect connects, and asks for the session that there was.
func (p *Person) Connect(g *Gateway) (recovered bool) {
	p.T.Helper()
	p.Ask(g)
	return p.Answered(g)
}

// Ask sends CONNECT.
func (p *Person) Ask(g *Gateway) {
	p.T.Helper()
	p.Guest.Ask(g.URL, Path)
}

// Answered takes the answer.
func (p *Person) Answered(g *Gateway) (recovered bool) {
	p.T.Helper()
	recovered = p.Answer()
	p.Socket = <-g.Sockets
	if p.Socket.Recovered() != recovered {
		p.T.Errorf("the server says recovered %t, the client %t", p.Socket.Recovered(), recovered)
	}
	return recovered
}

// Missed wants these events, and no others, behind the answer to CONNECT.
func (p *Person) Missed(events ...string) {
	p.T.Helper()
	p.Expect(events...)
	Emit(p.T, p.Socket, "nothing else")
	p.Expect(`["nothing else"]`)
}

// Vanish ends the connection without a word, and returns when the gateway knows.
func (p *Person) Vanish() {
	p.T.Helper()
	gone := make(chan struct{})
	p.Socket.OnDisconnect(func(string) { close(gone) })
	p.Wire.Close()
	<-gone
}

// Emit emits.
func Emit(t testing.TB, b interface{ Emit(string, ...any) error }, event string, values ...any) {
	t.Helper()
	if err := b.Emit(event, values...); err != nil {
		t.Fatal(err)
	}
}

// Stored returns when all that the gateway has emitted is stored: a client that comes to another gateway has missed it then.
func (g *Gateway) Stored(t *testing.T) {
	t.Helper()
	stored := make(chan error, 1)
	g.Cluster.Log().AfterAll(func(err error) { stored <- err })
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}

// Settled returns when what the Person's socket has changed is stored.
func (p *Person) Settled() {
	p.T.Helper()
	settled := make(chan error, 1)
	p.Socket.Settle(func(err error) { settled <- err })
	if err := <-settled; err != nil {
		p.T.Fatal(err)
	}
}

// ExpectVolatile emits a volatile event until it gets through: one that comes while another is being written is dropped.
func (p *Person) ExpectVolatile(b interface{ Emit(string, ...any) error }, event, text string) {
	p.T.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if err := b.Emit(event, text); err != nil {
				p.T.Error(err)
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	want := fmt.Sprintf(`["%s","%s"]`, event, text)
	p.Expect(want)
	close(stop)
	<-stopped
	Emit(p.T, p.Socket, "enough")
	for got := want; got != `["enough"]`; {
		if got = p.Take(p.Wire.Receive()); got != want && got != `["enough"]` {
			p.T.Fatalf("received %s, want %s", got, want)
		}
	}
}
