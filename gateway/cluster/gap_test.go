// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

func TestAGapBetweenNATSAndTheGatewayIsFilled(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	emit(t, one.IO.To("room"), "n", 1)
	p.Expect(`["n",1]`)

	// A message that is lost on a route between two NATS servers shows by the next one's header.
	// Here it is swallowed while the gateway is not subscribed to the room, of which the gateway
	// itself does not know.
	a := two.cluster.adapterOf(wire.NewSubjects("default/chat", "/").Prefix + ".x")
	subject := a.subjects.Room("room")
	a.subscriptions.mu.Lock()
	s := a.subscriptions.subs[subject]
	if err := s.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := two.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a.subscriptions.mu.Unlock()
	emit(t, one.IO.To("room"), "n", 2)
	settled := make(chan struct{})
	one.cluster.events.AfterAll(func(error) { close(settled) })
	<-settled
	a.subscriptions.mu.Lock()
	sub, err := two.cluster.nc.ChanSubscribe(subject, two.cluster.incoming.In)
	if err != nil {
		t.Fatal(err)
	}
	s.sub = sub
	a.subscriptions.mu.Unlock()
	if err := two.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	emit(t, one.IO.To("room"), "n", 3)
	p.Expect(`["n",2]`, `["n",3]`)
}

func TestAGapThatCannotBeReadIsFilledLater(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	emit(t, one.IO.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	swallow(t, two, "room", func() { emit(t, one.IO.To("room"), "n", 2); one.stored(t) })
	refuseDirectGets(t, one)
	emit(t, one.IO.To("room"), "n", 3)
	p.Expect(`["n",2]`, `["n",3]`)
}

// swallow has a gateway not hear of a room while something is done, and not know of that, as when a
// message is lost on a route between two NATS servers.
func swallow(t *testing.T, g *gateway, room string, do func()) {
	t.Helper()
	a := g.cluster.adapterOf(wire.NewSubjects("default/chat", "/").Prefix + ".x")
	subject := a.subjects.Room(room)
	a.subscriptions.mu.Lock()
	defer a.subscriptions.mu.Unlock()
	s := a.subscriptions.subs[subject]
	if err := s.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := g.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	do()
	var err error
	if s.sub, err = g.cluster.nc.ChanSubscribe(subject, g.cluster.incoming.In); err != nil {
		t.Fatal(err)
	}
	if err := g.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// refuseDirectGets has the stream answer none, until a gateway makes sure of the stream again.
func refuseDirectGets(t *testing.T, g *gateway) {
	t.Helper()
	js, err := jetstream.New(g.cluster.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "RTS_"+wire.Token("default/chat"))
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.AllowDirect = false
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}
