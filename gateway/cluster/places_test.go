// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/places"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// furnish gives the room "table" of a gateway two places.
func furnish(t *testing.T, g *gateway) *places.Keeper {
	t.Helper()
	ns := g.IO.Of("/")
	if err := places.Configure(ns, func(room string) int {
		if room == "table" {
			return 2
		}
		return 0
	}); err != nil {
		t.Fatal(err)
	}
	keeper, err := places.Of(ns)
	if err != nil {
		t.Fatal(err)
	}
	ns.SetPlaces(&socketio.Places{
		Take: func(s *socketio.Socket, rooms []string) []error {
			wishes := make([]places.Wish, len(rooms))
			for i, room := range rooms {
				wishes[i] = places.Wish{Room: room, Capacity: keeper.Capacity(room)}
			}
			return places.Take(s, wishes)
		},
		GiveBack: places.GiveBack,
	})
	return keeper
}

func joins(t *testing.T, s *socketio.Socket, want error) {
	t.Helper()
	if err := s.Join("table"); !errors.Is(err, want) {
		t.Errorf("the socket is told %v, want %v", err, want)
	}
}

func taken(k *places.Keeper) int {
	counts, err := k.Counts(context.Background(), []string{"table"})
	if err != nil {
		return -1
	}
	return counts["table"]
}

func TestThePlacesOfALostGatewayComeBack(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	with := func(url string) *gateway {
		g := newGateway(t, Options{URLs: []string{url}, timing: soon, Recovery: &Recovery{MaxDisconnection: 10 * time.Minute, MaxMessages: 100, Detection: time.Second}})
		await(t, "the log is ready", g.cluster.LogReady)
		return g
	}
	one, two := with(proxy.URL()), with(ns.ClientURL())
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	near, far := furnish(t, one), furnish(t, two)

	var there []*socketio.Socket
	for range 2 {
		_, s := one.Client(t)
		joins(t, s, nil)
		there = append(there, s)
	}
	_, late := one.Client(t)
	_, other := two.Client(t)
	_, third := two.Client(t)
	joins(t, other, places.ErrFull)
	joins(t, late, places.ErrFull)
	if n := taken(far); n != 2 {
		t.Errorf("%d places are taken", n)
	}

	// The others take a gateway that is cut off for lost, and give its places away.
	proxy.Cut()
	await(t, "a place is free", func() bool { return other.Join("table") == nil })

	// When it is back, its members are counted again: nobody else comes in before two have left.
	proxy.Mend()
	await(t, "all are counted", func() bool { return taken(far) == 3 })
	joins(t, third, places.ErrFull)

	// Cut off, it lets nobody in.
	proxy.Cut()
	joins(t, late, places.ErrUnavailable)
	proxy.Mend()
	await(t, "it lets somebody in if there is a place", func() bool { return errors.Is(late.Join("table"), places.ErrFull) })
	there[0].Leave("table")
	await(t, "who has left is not counted", func() bool { return taken(near) == 2 })
	joins(t, third, places.ErrFull)
	there[1].Leave("table")
	await(t, "a place is free again", func() bool { return third.Join("table") == nil })
}

// A gateway that is there keeps its places, whatever is asked of others.
func TestAGatewayThatLeavesGivesItsPlacesBack(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeers(t, two.cluster, 1)
	furnish(t, one)
	furnish(t, two)
	for range 2 {
		_, s := one.Client(t)
		joins(t, s, nil)
	}
	_, other := two.Client(t)
	joins(t, other, places.ErrFull)
	one.cluster.Close()
	await(t, "a place is free", func() bool { return other.Join("table") == nil })
}

// What was let in, and does not join, keeps nobody out.
func TestAPlaceThatIsGivenBackIsFree(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	near := furnish(t, one)
	furnish(t, two)
	for _, id := range []string{"one", "two"} {
		if err := near.Take(id, places.Wish{Room: "table", Capacity: 2})[0]; err != nil {
			t.Fatal(err)
		}
	}
	_, s := two.Client(t)
	joins(t, s, places.ErrFull)
	near.Release("one", "table")
	await(t, "a place is free", func() bool { return s.Join("table") == nil })
	_, next := two.Client(t)
	near.Beat(time.Now().Add(time.Minute))
	await(t, "a reservation has ended", func() bool { return next.Join("table") == nil })
}
