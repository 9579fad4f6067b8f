// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// gateway is a tracker in a cluster. Its members are no sockets: what is tested here is what the
// gateways tell each other.
type gateway struct {
	*presence.Tracker
	cluster *cluster.Cluster
}

// trackerOf is that of the main namespace.
func trackerOf(t *testing.T, io *socketio.Server) *presence.Tracker {
	t.Helper()
	tracker, err := presence.Of(io.Of("/"))
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

func everyRoom(string) bool { return true }

func newGateway(t *testing.T, url string) *gateway {
	t.Helper()
	c, err := cluster.Connect(cluster.Options{Service: "default/chat", URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	tracker := trackerOf(t, io)
	tracker.Configure(presence.Config{Tracks: everyRoom})
	wiretest.Await(t, "NATS", c.Connected)
	return &gateway{tracker, c}
}

// ids are n ids of a gateway's.
func (g *gateway) ids(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = g.cluster.NewSocketID()
	}
	return ids
}

func (g *gateway) enter(room string, ids ...string) {
	for _, id := range ids {
		g.Enter(id, room)
	}
}

func (g *gateway) leave(room string, ids ...string) {
	for _, id := range ids {
		g.Leave(id, room)
	}
}

// members are the ids that a gateway holds, page by page.
func (g *gateway) members(room string) []string {
	var ids []string
	after := ""
	for {
		p := g.Held(room, after, 999)
		for _, m := range p.Members {
			ids = append(ids, m.ID)
		}
		if p.Next == "" {
			return ids
		}
		after = p.Next
	}
}

// await waits until gateways hold exactly these members.
func await(t *testing.T, room string, want []string, gateways ...*gateway) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	for i, g := range gateways {
		wiretest.Await(t, fmt.Sprintf("gateway %d to know %d members", i, len(want)), func() bool { return slices.Equal(g.members(room), want) })
	}
}

// checkNothingIsLeft is called first, so that it checks last.
func checkNothingIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
}

func TestAKilledGatewayTakesItsMembersWithIt(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	way := natstest.NewProxy(t, ns.ClientURL())
	one, two, three := newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL()), newGateway(t, way.URL())
	var all []string
	for _, g := range []*gateway{one, two} {
		ids := g.ids(3333)
		g.enter("room", ids...)
		all = append(all, ids...)
	}
	doomed := three.ids(3334)
	three.enter("room", doomed...)
	await(t, "room", append(slices.Clone(all), doomed...), one, two, three)
	wiretest.Await(t, "the batches that are due", func() bool { return one.Quiet() && two.Quiet() })
	told := one.Told() + two.Told()
	// A heartbeat that was not heard yet would only make it easier.
	way.Cut()
	start := time.Now()

	await(t, "room", all, one, two)

	took := time.Since(start)
	wiretest.Await(t, "the batches that are due", func() bool { return one.Quiet() && two.Quiet() })
	if took > 10*time.Second { // the promise
		t.Errorf("the members are right after %v", took)
	}
	if n := one.Told() + two.Told() - told; n != 2 {
		t.Errorf("%d batches, want one on each gateway", n)
	}
	t.Logf("10,000 members on 3 gateways: right %v after one is cut off; %d batches for all that came", took.Round(time.Millisecond), told)
}

func TestTwoWhoJoinAtTheSameInstantSeeEachOther(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	gateways := []*gateway{newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL())}
	for i := range 50 {
		room := fmt.Sprintf("room %d", i)
		var ids []string
		var start, done sync.WaitGroup
		start.Add(1)
		for _, g := range gateways {
			id := g.cluster.NewSocketID()
			ids = append(ids, id)
			done.Go(func() {
				start.Wait()
				g.enter(room, id)
			})
		}
		start.Done()
		done.Wait()
		await(t, room, ids, gateways...)
	}
}

func TestWhoLeavesWhileASnapshotIsUnderWayIsGone(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL())
	ids := one.ids(8000) // several packets
	one.enter("room", ids...)
	await(t, "room", ids, one)
	newcomer := two.ids(1)

	var done sync.WaitGroup
	done.Go(func() { two.enter("room", newcomer...) })
	for len(ids) > 4000 {
		one.leave("room", ids[len(ids)-10:]...)
		ids = ids[:len(ids)-10]
	}
	done.Wait()

	await(t, "room", append(ids, newcomer...), one, two)
	two.leave("room", newcomer...)
	await(t, "room", ids, one)
	two.enter("room", newcomer...)
	await(t, "room", append(ids, newcomer...), one, two)
}

func TestARoomThatIsEmptyIsForgotten(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL())
	a, b := one.ids(1), two.ids(2)
	one.enter("room", a...)
	two.enter("room", b...)
	await(t, "room", append(slices.Clone(a), b...), one, two)
	two.leave("room", b...)
	await(t, "room", a, one)
	wiretest.Await(t, "the room to be forgotten", func() bool { return !two.Holds("room") })
	one.leave("room", a...)
	wiretest.Await(t, "the room to be forgotten", func() bool { return !one.Holds("room") })
	if rooms, members := one.Size(); rooms != 0 || members != 0 {
		t.Errorf("%d rooms, %d members", rooms, members)
	}
}

func TestANATSThatRestartsHeals(t *testing.T) {
	checkNothingIsLeft(t)
	first := natstest.Start(t, nil)
	one, two := newGateway(t, first.ClientURL()), newGateway(t, first.ClientURL())
	a, b := one.ids(100), two.ids(100)
	one.enter("room", a...)
	two.enter("room", b...)
	await(t, "room", append(slices.Clone(a), b...), one, two)
	one.enter("emptied", a...)
	two.enter("emptied", b...)
	await(t, "emptied", append(slices.Clone(a), b...), one, two)

	port := first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()
	wiretest.Await(t, "both to notice", func() bool { return !one.cluster.Connected() && !two.cluster.Connected() })
	one.leave("room", a[:50]...)
	more := two.ids(10)
	two.enter("room", more...)
	two.leave("emptied", b...)
	two.enter("new", b...)
	one.enter("new", a...)
	await(t, "room", append(slices.Clone(a[50:]), b...), one) // others' members stay
	natstest.Start(t, &natsserver.Options{Port: port})

	await(t, "room", slices.Concat(a[50:], b, more), one, two)
	await(t, "new", slices.Concat(a, b), one, two)
	await(t, "emptied", a, one)
}

func TestAGatewayThatIsCutOffAndComesBackIsThereAgain(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	way := natstest.NewProxy(t, ns.ClientURL())
	one, two := newGateway(t, ns.ClientURL()), newGateway(t, way.URL())
	a, b := one.ids(3), two.ids(3)
	one.enter("room", a...)
	two.enter("room", b...)
	await(t, "room", slices.Concat(a, b), one, two)

	way.Cut()
	await(t, "room", a, one) // its lease ends
	two.leave("room", b[0])
	one.leave("room", a[0])
	way.Mend()

	await(t, "room", slices.Concat(a[1:], b[1:]), one, two)
}

func TestAGatewayThatHearsLateGetsItRight(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	way := natstest.NewProxy(t, ns.ClientURL())
	fast, slow := newGateway(t, ns.ClientURL()), newGateway(t, way.URL())
	a, b := fast.ids(2000), slow.ids(1)
	slow.enter("room", b...)
	fast.enter("room", a[:10]...)
	await(t, "room", slices.Concat(a[:10], b), fast, slow)

	way.Pause()
	for i := 10; i < len(a); i += 10 {
		fast.enter("room", a[i:i+10]...)
		fast.leave("room", a[i-10:i]...)
	}
	rest := a[len(a)-10:]
	await(t, "room", slices.Concat(rest, b), fast)
	more := slow.ids(1)
	slow.enter("room", more...)
	await(t, "room", slices.Concat(rest, b, more), fast) // it is slow to hear, and is heard
	way.Resume()

	await(t, "room", slices.Concat(rest, b, more), fast, slow)
}

func TestAPageOfARoomThatIsElsewhere(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two, three := newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL()), newGateway(t, ns.ClientURL())
	a, b := one.ids(5), two.ids(5)
	one.enter("room", a...)
	two.enter("room", b...)
	await(t, "room", slices.Concat(a, b), one, two)
	wiretest.Await(t, "the gateways to know each other", func() bool {
		p, err := three.Page(t.Context(), "room", "", 0)
		return err == nil && p.Count == 10
	})
	want := slices.Sorted(slices.Values(slices.Concat(a, b)))
	for _, g := range []*gateway{one, three} {
		var got []string
		after := ""
		for {
			p, err := g.Page(t.Context(), "room", after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if p.Count != 10 || len(p.Members) > 3 {
				t.Fatalf("%d members, %d on the page", p.Count, len(p.Members))
			}
			for _, m := range p.Members {
				got = append(got, m.ID)
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages have %q, want %q", got, want)
		}
	}
	// Who has just joined sees all who are there, although no snapshot may have come yet.
	three.enter("room", three.ids(1)...)
	if p, err := three.Page(t.Context(), "room", "", 100); err != nil || p.Count != 11 || len(p.Members) != 11 {
		t.Errorf("%d members, %v", p.Count, err)
	}
}

func TestWithoutNATSAPageHasWhatIsKnown(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one := newGateway(t, ns.ClientURL())
	ns.Shutdown()
	ns.WaitForShutdown()
	wiretest.Await(t, "the gateway to notice", func() bool { return !one.cluster.Connected() })
	one.enter("room", "a")
	p, err := one.Page(context.Background(), "room", "", 10)
	if err == nil || p.Count != 1 || len(p.Members) != 1 {
		t.Errorf("page %+v, %v", p, err)
	}
	if _, err := one.Page(context.Background(), "elsewhere", "", 10); err == nil {
		t.Error("a room of which nothing is known is said to be empty")
	}
}
