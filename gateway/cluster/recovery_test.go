// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net/http/httptest"
	"strings"
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

// missed wants these events, and no others, behind the answer to CONNECT.
func (p *person) missed(events ...string) {
	p.T.Helper()
	p.Expect(events...)
	emit(p.T, p.socket, "nothing else")
	p.Expect(`["nothing else"]`)
}

// vanish ends the connection without a word, and returns when the gateway knows.
func (p *person) vanish() {
	p.T.Helper()
	gone := make(chan struct{})
	p.socket.OnDisconnect(func(string) { close(gone) })
	p.Wire.Close()
	<-gone
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
	g.cluster.events.out.AfterAll(func(err error) { stored <- err })
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
}

// settled returns when what the person's socket has changed is stored.
func (p *person) settled() {
	p.T.Helper()
	settled := make(chan error, 1)
	p.socket.Settle(func(err error) { settled <- err })
	if err := <-settled; err != nil {
		p.T.Fatal(err)
	}
}

// expectVolatile emits a volatile event until it gets through: one that comes while another is being written is dropped.
func (p *person) expectVolatile(b interface{ Emit(string, ...any) error }, event, text string) {
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
	emit(p.T, p.socket, "enough")
	for got := want; got != `["enough"]`; {
		if got = p.Take(p.Wire.Receive()); got != want && got != `["enough"]` {
			p.T.Fatalf("received %s, want %s", got, want)
		}
	}
}

func TestRow53AClientComesBackToAnotherGateway(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p, witness := arrive(t, one, "room", "other"), arrive(t, two, "room")
	p.socket.SetData(map[string]any{"name": "Ada"})
	emit(t, one.io.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	witness.Expect(`["n",1]`)

	p.vanish()
	emit(t, two.io.To("room"), "n", 2)
	emit(t, two.io.To("elsewhere"), "n", "not for us")
	emit(t, two.io.Except("other"), "n", "not for others")
	emit(t, two.io.To("other", "elsewhere"), "n", 3)
	emit(t, two.io.To(p.SID), "n", 4)
	emit(t, two.io.Of("/"), "n", 5)
	witness.Expect(`["n",2]`, `["n","not for others"]`, `["n",5]`)
	witness.expectVolatile(two.io.Volatile(), "n", "lost")

	if !p.connect(two) {
		t.Fatal("the session is not recovered")
	}
	p.missed(`["n",2]`, `["n",3]`, `["n",4]`, `["n",5]`)
	if data, ok := p.socket.Data().(map[string]any); !ok || data["name"] != "Ada" {
		t.Errorf("its data are %v", p.socket.Data())
	}
	for _, target := range []string{"room", "other", p.SID} {
		emit(t, one.io.To(target), "again", target)
		p.Expect(fmt.Sprintf(`["again",%q]`, target))
	}
}

func TestRow53ASecondLossDoesNotRepeatTheFirst(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	for i := range 3 {
		p.vanish()
		emit(t, one.io.To("room"), "n", i)
		one.stored(t)
		if g := []*gateway{two, one, two}[i]; !p.connect(g) {
			t.Fatalf("loss %d: not recovered", i)
		}
		p.missed(fmt.Sprintf(`["n",%d]`, i))
	}
}

func TestRow53WithoutAnyEventThePrivateIDIsEnough(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one)
	emit(t, one.io.To("room"), "before it joined")
	p.socket.Join("room")
	p.vanish()
	emit(t, one.io.To("room"), "n", 1)
	for _, offset := range []string{"", "nonsense", "other.1", one.cluster.events.generation + ".zzzzzz"} {
		p.Offset = offset
		if !p.connect(one) {
			t.Fatal("not recovered")
		}
		p.Expect(`["n",1]`)
		p.vanish()
	}
}

func TestRow53AVolatileEventLeavesTheOffsetUsable(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	emit(t, two.io.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	p.expectVolatile(two.io.To("room").Volatile(), "v", "text")
	p.expectVolatile(p.socket.Volatile(), "v", "own")
	p.vanish()
	emit(t, one.io.To("room"), "n", 2)
	one.stored(t)
	if !p.connect(two) {
		t.Fatal("not recovered")
	}
	p.missed(`["n",2]`)
}

func TestRow53TheOldConnectionOfARecoveredSessionHasNoSay(t *testing.T) {
	for _, same := range []bool{true, false} {
		t.Run(fmt.Sprintf("same gateway %t", same), func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := recovering(t, ns), recovering(t, ns)
			next := two
			if same {
				next = one
			}
			p := arrive(t, one, "room")
			old, oldSocket := p.Wire, p.socket
			oldSocket.OnDisconnect(func(reason string) { t.Errorf("the old socket's handlers hear %s", reason) })
			if !p.connect(next) { // while the old connection is half open
				t.Fatal("not recovered")
			}
			old.ExpectClosed()
			oldSocket.SetData("stale")
			p.vanish()
			emit(t, one.io.To("room"), "n", 1)
			if !p.connect(one) {
				t.Fatal("not recovered a second time")
			}
			p.missed(`["n",1]`)
			if p.socket.Data() != nil {
				t.Errorf("the data are %v", p.socket.Data())
			}
		})
	}
}

func TestRow53WhoLeavesForGoodBeginsAnew(t *testing.T) {
	ends := map[string]func(*person){
		"the client leaves":      func(p *person) { p.Wire.Send("41") },
		"the server disconnects": func(p *person) { p.socket.Disconnect(false) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one := recovering(t, ns)
			p := arrive(t, one, "room")
			gone := make(chan struct{})
			p.socket.OnDisconnect(func(string) { close(gone) })
			end(p)
			<-gone
			if p.connect(one) {
				t.Error("recovered")
			}
		})
	}
}

func TestRow53WhoHasMissedTooMuchBeginsAnew(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	p.vanish()
	for i := range 101 {
		emit(t, one.io.To("room"), "n", i)
	}
	if p.connect(one) {
		t.Error("recovered")
	}
	emit(t, one.io.Of("/"), "n", "next")
	p.Expect(`["n","next"]`)
}

func TestRow53AKilledGatewaysClientsComeBack(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	// A gateway that is killed says nothing more to NATS; its end of the connections shows it here.
	one.cluster.nc.Close()
	one.cluster.events.out.Pause()
	p.Wire.Close()
	emit(t, two.io.To("room"), "n", 1)
	if !p.connect(two) {
		t.Fatal("not recovered")
	}
	p.missed(`["n",1]`)
	emit(t, two.io.To(p.SID), "n", 2)
	p.Expect(`["n",2]`)
}

func TestRow53WhatWasSaidInARoomThatWasLeftIsNotLost(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	emit(t, one.io.To("room"), "n", 1) // not read by the client before it is lost
	p.Wire.Receive()
	p.socket.Leave("room")
	p.settled()
	emit(t, one.io.To("room"), "n", 2)
	p.vanish()
	if !p.connect(one) {
		t.Fatal("not recovered")
	}
	p.missed(`["n",1]`)
}

func TestRow53MiddlewaresRunForReturningClientsIfAsked(t *testing.T) {
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one := recovering(t, ns)
			calls := 0
			io, err := socketio.NewServer(socketio.Options{
				NewAdapter: one.cluster.NewAdapter, NewSocketID: one.cluster.NewSocketID, Recovery: &socketio.Recovery{RunMiddlewares: run},
			})
			if err != nil {
				t.Fatal(err)
			}
			io.Use(func(*socketio.Socket) error { calls++; return nil })
			g := &gateway{cluster: one.cluster, io: io, sockets: make(chan *socketio.Socket, 1)}
			io.OnConnection(func(s *socketio.Socket) { g.sockets <- s })
			hs := httptest.NewServer(io)
			defer hs.Close()
			defer io.Close()
			g.url = hs.URL
			p := arrive(t, g)
			p.vanish()
			if !p.connect(g) {
				t.Fatal("not recovered")
			}
			if want := map[bool]int{false: 1, true: 2}[run]; calls != want {
				t.Errorf("the middleware ran %d times, want %d", calls, want)
			}
		})
	}
}

func TestMsgpackEventsCarryTheOffsetToo(t *testing.T) {
	codec := socketio.ParserMsgpack
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	c := recovering(t, ns).cluster
	io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID, Parser: codec, Recovery: &socketio.Recovery{}})
	if err != nil {
		t.Fatal(err)
	}
	defer io.Close()
	hs := httptest.NewServer(io)
	defer hs.Close()
	io.Of("/")
	wire := wiretest.Dial(t, hs.URL, path, "", nil)
	// {"type":0,"nsp":"/"}
	wire.SendBinary([]byte("\x82\xa4type\x00\xa3nsp\xa1/"))
	wire.Receive()
	emit(t, io, "hi", []byte{7})
	packet := wire.Receive()
	offset := fmt.Sprintf("%v", []byte(c.events.generation+"."))
	if !strings.Contains(packet, strings.Trim(offset, "[]")) {
		t.Errorf("no offset that begins with %s in %s", offset, packet)
	}
}
