// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/membership"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
)

// beats returns when a gateway has beaten for three times as long as it takes to be given up.
func beats(t *testing.T, url string, c *Cluster) {
	t.Helper()
	nc := natstest.Connect(t, url)
	heard, err := nc.SubscribeSync(c.subjects.Peers)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < int(3*soon.Dead/soon.Heartbeat); {
		msg, err := heard.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatalf("after %d heartbeats: %v", n, err)
		}
		if a, err := membership.Decode(msg.Data); err == nil && a.ID == c.id {
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
		tracker, err := presence.Of(g.IO.Of("/"))
		if err != nil {
			t.Fatal(err)
		}
		tracker.Configure(tracks)
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
	emit(t, two.IO.To("lobby").Local(), "end")
	if got := member.Wire.Receive(); !strings.HasPrefix(got, `42["end"`) {
		t.Errorf("a member has left the room: %s", got)
	}
	leave()
}
