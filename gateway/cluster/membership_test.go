// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
)

// patient is a timing in which only this package's own heartbeats show that NATS is silent.
var patient = timing{heartbeat: soon.heartbeat, dead: soon.dead, census: soon.census, ping: time.Hour, reconnect: soon.reconnect}

// beats returns when a gateway has beaten for three times as long as it takes to be given up.
func beats(t *testing.T, url string, c *Cluster) {
	t.Helper()
	nc := connectTo(t, url)
	heard, err := nc.SubscribeSync(c.subjects.Peers)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < int(3*soon.dead/soon.heartbeat); {
		msg, err := heard.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatalf("after %d heartbeats: %v", n, err)
		}
		if word, ok := c.readPeerWord(msg); ok && word.id == c.id {
			n++
		}
	}
}

// Reading the log may take ten seconds, and deliveries wait for it.
func TestAGatewayThatReadsTheLogForLongIsNotTakenForDead(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	o := Options{timing: soon, PeerAddress: "here:1"}
	one, two := recoveringWith(t, ns, o), recoveringWith(t, ns, o)
	tracks := presence.Config{Tracks: func(room string) bool { return room == "lobby" }}
	for _, g := range []*gateway{one, two} {
		presence.Of(g.io.Of("/")).Configure(tracks)
	}
	arrive(t, one, "lobby")
	member := arrive(t, two, "lobby")
	for !strings.Contains(member.Wire.Receive(), `"count":2,"joined"`) { // the state comes before the batch
	}
	leave := one.hold() // as when it reads the log

	beats(t, ns.ClientURL(), one.cluster)

	for _, g := range []struct{ of, in *Cluster }{{one.cluster, two.cluster}, {two.cluster, one.cluster}} {
		if address, ok := g.in.PeerAddress(g.of.ID()); !ok || address != "here:1" {
			t.Errorf("a gateway is taken for dead: %q, %v", address, ok)
		}
	}
	emit(t, two.io.To("lobby").Local(), "end")
	if got := member.Wire.Receive(); !strings.HasPrefix(got, `42["end"`) {
		t.Errorf("a member has left the room: %s", got)
	}
	leave()
}

func TestAHalfOpenConnectionIsGivenUp(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := newGateway(t, Options{URLs: []string{proxy.URL()}, timing: soon})
	await(t, "NATS is there", one.cluster.Connected)
	for range 2 {
		proxy.Stall()
		await(t, "the gateway notices", func() bool { return !one.cluster.Connected() })
		proxy.Resume()
		await(t, "it is back", one.cluster.Connected)
	}
}

// Until a half-open connection is given up it looks as if all others had died at once.
func TestAGatewayThatHearsNothingTakesNobodyForDead(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := newGateway(t, Options{URLs: []string{proxy.URL()}, timing: patient})
	two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, timing: patient, PeerAddress: "two:1"})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	proxy.Stall()
	since := time.Now()
	await(t, "they would be dead", func() bool { return one.cluster.peers.hearingSince().After(since.Add(3 * soon.dead)) })
	if !one.cluster.Connected() {
		t.Fatal("the connection was given up")
	}
	if address, ok := one.cluster.PeerAddress(two.cluster.ID()); !ok || address != "two:1" {
		t.Errorf("the other one is taken for dead: %q, %v", address, ok)
	}
	proxy.Resume()
	await(t, "it hears again, and beats", func() bool {
		return one.cluster.hears(time.Now()) && len(two.cluster.peers.list()) == 1
	})
}

func TestAGatewayThatDiesIsMissed(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := newGateway(t, Options{URLs: []string{ns.ClientURL()}, timing: soon})
	two := newGateway(t, Options{URLs: []string{proxy.URL()}, timing: soon})
	waitForPeers(t, one.cluster, 1)
	proxy.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	one.cluster.AwaitPeerGone(ctx, two.cluster.ID())
	if ctx.Err() != nil {
		t.Error("it is taken for alive")
	}
}
