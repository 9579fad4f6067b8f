// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var (
	await              = wiretest.Await
	checkNothingIsLeft = natstest.CheckNothingIsLeft
	startJetStream     = natstest.StartJetStream
)

type lines = wiretest.Lines

// recovering is a gateway whose clients can come back.
func recovering(t *testing.T, ns *natsserver.Server) *gateway {
	t.Helper()
	return recoveringWith(t, ns, Options{})
}

func recoveringWith(t *testing.T, ns *natsserver.Server, o Options) *gateway {
	t.Helper()
	o.URLs = []string{ns.ClientURL()}
	o.Recovery = &Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second}
	g := newGateway(t, o)
	await(t, "the log is ready", g.cluster.LogReady)
	return g
}

// person is a client that can come back, with the socket that it has at a gateway.
type person struct {
	wiretest.Guest
	socket *socketio.Socket
}

// arrive connects for the first time.
func arrive(t *testing.T, g *gateway, rooms ...string) *person {
	t.Helper()
	p := &person{Guest: wiretest.Guest{T: t}}
	p.connect(g)
	p.socket.Join(rooms...)
	return p
}

// connect connects, and asks for the session that there was.
func (p *person) connect(g *gateway) (recovered bool) {
	p.T.Helper()
	p.ask(g)
	return p.answered(g)
}

// ask sends CONNECT.
func (p *person) ask(g *gateway) {
	p.T.Helper()
	p.Ask(g.url, path)
}

// answered takes the answer.
func (p *person) answered(g *gateway) (recovered bool) {
	p.T.Helper()
	recovered = p.Answer()
	p.socket = <-g.sockets
	if p.socket.Recovered() != recovered {
		p.T.Errorf("the server says recovered %t, the client %t", p.socket.Recovered(), recovered)
	}
	return recovered
}

func emit(t *testing.T, b interface{ Emit(string, ...any) error }, event string, values ...any) {
	t.Helper()
	if err := b.Emit(event, values...); err != nil {
		t.Fatal(err)
	}
}

// stored returns when all that the gateway has emitted is stored: a client that comes to another gateway has missed it then.
func (g *gateway) stored(t *testing.T) {
	t.Helper()
	stored := make(chan error, 1)
	g.cluster.events.AfterAll(func(err error) { stored <- err })
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}
