// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/membership"
)

// routeDelay is how much later servers of the tests hear each other than their clients hear them.
const routeDelay = 5 * time.Millisecond

// onEach starts a gateway at each of three servers, and returns when they know each other.
func onEach(t *testing.T, trio *natstest.Trio) []*gateway {
	t.Helper()
	var gateways []*gateway
	for _, url := range trio.URLs() {
		gateways = append(gateways, newGateway(t, Options{URLs: []string{url}}))
	}
	for _, g := range gateways {
		waitForPeers(t, g.cluster, len(gateways)-1)
		g.cluster.echoes.await(time.Minute) // all of them answer, however busy the machine is
	}
	return gateways
}

// waitFor sets the time that gateways may take to answer.
func (e *echoes) await(timeout time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timeout = timeout
}

// The event may be published on a server that does not know yet that this gateway wants it.
func TestAClientThatHasJoinedHearsWhatAnyServerIsSentAfter(t *testing.T) {
	checkNothingIsLeft(t)
	gateways := onEach(t, natstest.StartDistantTrio(t, routeDelay))
	member, socket := gateways[0].Client(t)
	for i := range 200 {
		room := strconv.Itoa(i)
		socket.Join(room)
		emit(t, gateways[1+i%2].IO.To(room), "n", i)
		member.Expect(fmt.Sprintf(`42["n",%d]`, i))
	}
}

// Each request may be answered by another gateway, whose events go another way.
func TestAPublisherThatAwaitsAnswersKeepsItsOrderOnSeveralServers(t *testing.T) {
	checkNothingIsLeft(t)
	trio := natstest.StartDistantTrio(t, routeDelay)
	gateways := onEach(t, trio)
	var members []*wiretest.Client
	answered := make([]int, len(gateways))
	for i, g := range gateways {
		member, _ := g.Client(t, "room")
		members = append(members, member)
		stop, err := g.cluster.ServeQueue("emit", "gateways", func(_ context.Context, data []byte, answer func([]byte)) {
			answered[i]++
			if err := g.IO.To("room").Emit("n", string(data)); err != nil {
				t.Error(err)
			}
			answer([]byte("ok"))
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { <-stop() })
		if err := g.cluster.nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	publisher := natstest.Connect(t, trio.URL(2))
	const events = 500
	for i := range events {
		if _, err := publisher.Request("emit", []byte(strconv.Itoa(i)), 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for _, member := range members {
		for i := range events {
			member.Expect(fmt.Sprintf(`42["n","%d"]`, i))
		}
	}
	for i, n := range answered {
		if n == 0 {
			t.Errorf("gateway %d has answered nothing", i)
		}
	}
}

// A gateway that is killed is known to be there for some seconds more, and one of an older release
// answers nothing.
func TestAJoinDoesNotWaitForGatewaysThatDoNotAnswer(t *testing.T) {
	checkNothingIsLeft(t)
	trio := natstest.StartTrio(t)
	gateways := onEach(t, trio)
	one := gateways[0].cluster
	one.echoes.await(3 * time.Second) // those that answer take less, and a silent one is believed to live for 8 s
	say := func(id, server string) {
		t.Helper()
		a := membership.Announcement{Kind: membership.Alive, ID: id, Fields: membership.Fields{Server: server}}
		nc := gateways[1].cluster.nc
		if err := nc.Publish(one.subjects.Peers, a.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	say("silent-1", "another")
	say("older--1", "")
	await(t, "they are heard of", func() bool { return len(one.peers.List()) == 4 })
	_, socket := gateways[0].Client(t)
	socket.Join("first") // waits for it once
	one.echoes.mu.Lock()
	_, mute := one.echoes.mute["silent-1"]
	one.echoes.mu.Unlock()
	if !mute {
		t.Fatal("it was not waited for")
	}
	elsewhere := func() map[string]string {
		one.echoes.mu.Lock()
		defer one.echoes.mu.Unlock()
		return one.peers.Elsewhere("", one.echoes.mute)
	}
	if got := elsewhere(); got["silent-1"] != "" || len(got) != 2 {
		t.Errorf("asked next: %v, want the two others", got)
	}
	say("silent-1", "another") // it beats again
	await(t, "it is asked again", func() bool { return elsewhere()["silent-1"] == "another" })
}

func TestGatewaysOnOneServerAskNobody(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	_, socket := one.Client(t)
	for i := range 10 {
		socket.Join(strconv.Itoa(i))
	}
	if n := one.cluster.echoes.last; n != 0 {
		t.Errorf("%d questions", n)
	}
}
