// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRow53AClientComesBackToAnotherGateway(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p, witness := arrive(t, one, "room", "other"), arrive(t, two, "room")
	p.Socket.SetData(map[string]any{"name": "Ada"})
	emit(t, one.IO.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	witness.Expect(`["n",1]`)

	p.Vanish()
	emit(t, two.IO.To("room"), "n", 2)
	emit(t, two.IO.To("elsewhere"), "n", "not for us")
	emit(t, two.IO.Except("other"), "n", "not for others")
	emit(t, two.IO.To("other", "elsewhere"), "n", 3)
	emit(t, two.IO.To(p.SID), "n", 4)
	emit(t, two.IO.Of("/"), "n", 5)
	witness.Expect(`["n",2]`, `["n","not for others"]`, `["n",5]`)
	witness.ExpectVolatile(two.IO.Volatile(), "n", "lost")

	if !p.Connect(two) {
		t.Fatal("the session is not recovered")
	}
	p.Missed(`["n",2]`, `["n",3]`, `["n",4]`, `["n",5]`)
	if data, ok := p.Socket.Data().(map[string]any); !ok || data["name"] != "Ada" {
		t.Errorf("its data are %v", p.Socket.Data())
	}
	for _, target := range []string{"room", "other", p.SID} {
		emit(t, one.IO.To(target), "again", target)
		p.Expect(fmt.Sprintf(`["again",%q]`, target))
	}
}

func TestRow53ASecondLossDoesNotRepeatTheFirst(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	for i := range 3 {
		p.Vanish()
		emit(t, one.IO.To("room"), "n", i)
		one.Stored(t)
		if g := []*gateway{two, one, two}[i]; !p.Connect(g) {
			t.Fatalf("loss %d: not recovered", i)
		}
		p.Missed(fmt.Sprintf(`["n",%d]`, i))
	}
}

func TestRow53WithoutAnyEventThePrivateIDIsEnough(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one)
	emit(t, one.IO.To("room"), "before it joined")
	p.Socket.Join("room")
	p.Vanish()
	emit(t, one.IO.To("room"), "n", 1)
	for _, offset := range []string{"", "nonsense", "other.1", one.Cluster.Log().Incarnation() + ".zzzzzz"} {
		p.Offset = offset
		if !p.Connect(one) {
			t.Fatal("not recovered")
		}
		p.Expect(`["n",1]`)
		p.Vanish()
	}
}

func TestRow53AVolatileEventLeavesTheOffsetUsable(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	emit(t, two.IO.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	p.ExpectVolatile(two.IO.To("room").Volatile(), "v", "text")
	p.ExpectVolatile(p.Socket.Volatile(), "v", "own")
	p.Vanish()
	emit(t, one.IO.To("room"), "n", 2)
	one.Stored(t)
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",2]`)
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
			old, oldSocket := p.Wire, p.Socket
			oldSocket.OnDisconnect(func(reason string) { t.Errorf("the old socket's handlers hear %s", reason) })
			if !p.Connect(next) { // while the old connection is half open
				t.Fatal("not recovered")
			}
			old.ExpectClosed()
			oldSocket.SetData("stale")
			p.Vanish()
			emit(t, one.IO.To("room"), "n", 1)
			if !p.Connect(one) {
				t.Fatal("not recovered a second time")
			}
			p.Missed(`["n",1]`)
			if p.Socket.Data() != nil {
				t.Errorf("the data are %v", p.Socket.Data())
			}
		})
	}
}

func TestRow53WhoLeavesForGoodBeginsAnew(t *testing.T) {
	ends := map[string]func(*person){
		"the client leaves":      func(p *person) { p.Wire.Send("41") },
		"the server disconnects": func(p *person) { p.Socket.Disconnect(false) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one := recovering(t, ns)
			p := arrive(t, one, "room")
			gone := make(chan struct{})
			p.Socket.OnDisconnect(func(string) { close(gone) })
			end(p)
			<-gone
			if p.Connect(one) {
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
	p.Vanish()
	for i := range 101 {
		emit(t, one.IO.To("room"), "n", i)
	}
	if p.Connect(one) {
		t.Error("recovered")
	}
	emit(t, one.IO.Of("/"), "n", "next")
	p.Expect(`["n","next"]`)
}

func TestRow53AKilledGatewaysClientsComeBack(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, "room")
	// A gateway that is killed says nothing more to NATS; its end of the connections shows it here.
	one.Cluster.Sessions().NATS().Close()
	one.Cluster.Log().Close()
	p.Wire.Close()
	emit(t, two.IO.To("room"), "n", 1)
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",1]`)
	emit(t, two.IO.To(p.SID), "n", 2)
	p.Expect(`["n",2]`)
}

func TestRow53WhatWasSaidInARoomThatWasLeftIsNotLost(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	emit(t, one.IO.To("room"), "n", 1) // not read by the client before it is lost
	p.Wire.Receive()
	p.Socket.Leave("room")
	p.Settled()
	emit(t, one.IO.To("room"), "n", 2)
	p.Vanish()
	if !p.Connect(one) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",1]`)
}

func TestRow53MiddlewaresRunForReturningClientsIfAsked(t *testing.T) {
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one := recovering(t, ns)
			calls := 0
			io, err := socketio.NewServer(socketio.Options{
				NewAdapter: one.Cluster.NewAdapter, NewSocketID: one.Cluster.NewSocketID, Recovery: &socketio.Recovery{RunMiddlewares: run},
			})
			if err != nil {
				t.Fatal(err)
			}
			io.Use(func(*socketio.Socket) error { calls++; return nil })
			g := &sockettest.Server{IO: io, Sockets: make(chan *socketio.Socket, 1)}
			io.OnConnection(func(s *socketio.Socket) { g.Sockets <- s })
			hs := httptest.NewServer(io)
			defer hs.Close()
			defer io.Close()
			g.URL = hs.URL
			p := arrive(t, g)
			p.Vanish()
			if !p.Connect(g) {
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
	c := recovering(t, ns).Cluster
	io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID, Parser: codec, Recovery: &socketio.Recovery{}})
	if err != nil {
		t.Fatal(err)
	}
	defer io.Close()
	hs := httptest.NewServer(io)
	defer hs.Close()
	io.Of("/")
	wire := wiretest.Dial(t, hs.URL, sockettest.Path, "", nil)
	// {"type":0,"nsp":"/"}
	wire.SendBinary([]byte("\x82\xa4type\x00\xa3nsp\xa1/"))
	wire.Receive()
	emit(t, io, "hi", []byte{7})
	packet := wire.Receive()
	offset := fmt.Sprintf("%v", []byte(c.Log().Incarnation()+"."))
	if !strings.Contains(packet, strings.Trim(offset, "[]")) {
		t.Errorf("no offset that begins with %s in %s", offset, packet)
	}
}
