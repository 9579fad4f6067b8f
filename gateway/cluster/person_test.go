// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// startJetStream runs a NATS server that stores.
func startJetStream(t *testing.T) *natsserver.Server {
	t.Helper()
	return natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
}

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

// await waits until something is true.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
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

// lines is what a gateway has logged. Safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}
