// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// threeGateways know each other; each has one client in the room named like it, and in "all".
type threeGateways struct {
	gateways [3]*gateway
	clients  [3]*wiretest.Client
	sockets  [3]*socketio.Socket
}

func newThreeGateways(t *testing.T) *threeGateways {
	t.Helper()
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	x := &threeGateways{}
	for i := range x.gateways {
		x.gateways[i] = newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	}
	for i, g := range x.gateways {
		waitForPeers(t, g.cluster, len(x.gateways)-1)
		x.clients[i], x.sockets[i] = g.Client(t, "all", fmt.Sprint("room", i))
	}
	return x
}

// waitForPeers returns when a gateway knows so many others.
func waitForPeers(t *testing.T, c *Cluster, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); len(c.peers.List()) != n; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("knows %d gateways, want %d", len(c.peers.List()), n)
		}
	}
}

// reply answers a question that a client is to get next.
func reply(t *testing.T, c *wiretest.Client, with string) {
	t.Helper()
	question := c.Receive()
	id := strings.TrimSuffix(strings.TrimPrefix(question, "42"), `["q"]`)
	c.Send("43" + id + with)
}

type answers struct {
	all []string
	err error
}

func ask(ctx context.Context, b *socketio.Broadcast) <-chan answers {
	out := make(chan answers, 1)
	go func() {
		args, err := b.EmitWithAck(ctx, "q")
		a := answers{err: err}
		for _, one := range args {
			a.all = append(a.all, string(one.JSON)+fmt.Sprint(one.Attachments))
		}
		slices.Sort(a.all)
		out <- a
	}()
	return out
}

func TestRow55BroadcastWithAck(t *testing.T) {
	x := newThreeGateways(t)
	one := x.gateways[0].IO
	t.Run("all answer", func(t *testing.T) {
		got := ask(t.Context(), one.To("all"))
		for i, c := range x.clients {
			reply(t, c, fmt.Sprintf(`[%d]`, i))
		}
		if a := <-got; a.err != nil || !slices.Equal(a.all, []string{"[0][]", "[1][]", "[2][]"}) {
			t.Errorf("answers %v, %v", a.all, a.err)
		}
	})
	t.Run("of one elsewhere", func(t *testing.T) {
		got := ask(t.Context(), one.To(x.sockets[2].ID()))
		reply(t, x.clients[2], `[2]`)
		if a := <-got; a.err != nil || !slices.Equal(a.all, []string{"[2][]"}) {
			t.Errorf("answers %v, %v", a.all, a.err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		if a := <-ask(t.Context(), one.To("nobody")); a.err != nil || len(a.all) != 0 {
			t.Errorf("answers %v, %v", a.all, a.err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		got := ask(ctx, one.To("room0", "room1"))
		for _, c := range x.clients[:2] {
			c.Receive()
		}
		cancel()
		if a := <-got; !errors.Is(a.err, context.Canceled) || len(a.all) != 0 {
			t.Errorf("answers %v, %v", a.all, a.err)
		}
	})
	t.Run("a client elsewhere leaves", func(t *testing.T) {
		got := ask(t.Context(), one.To("room0", "room1"))
		x.clients[1].Receive()
		x.clients[1].Close()
		reply(t, x.clients[0], `[0]`)
		if a := <-got; !errors.Is(a.err, socketio.ErrDisconnected) || !slices.Equal(a.all, []string{"[0][]"}) {
			t.Errorf("answers %v, %v", a.all, a.err)
		}
	})
}

func TestRow55UtilityMethods(t *testing.T) {
	x := newThreeGateways(t)
	ctx := t.Context()
	one := x.gateways[0].IO
	x.sockets[1].SetData(map[string]string{"name": "Ann"})
	ids := func(b *socketio.Broadcast) []string {
		t.Helper()
		sockets, err := b.FetchSockets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range sockets {
			out = append(out, s.ID)
		}
		return out
	}
	if got := ids(one.In("all")); len(got) != 3 {
		t.Errorf("all sockets %v", got)
	}
	if got := ids(one.In("all").Local()); !slices.Equal(got, []string{x.sockets[0].ID()}) {
		t.Errorf("local sockets %v", got)
	}
	sockets, err := one.In("room1").FetchSockets(ctx)
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	ann := sockets[0]
	var data struct{ Name string }
	if err := ann.DecodeData(&data); err != nil || data.Name != "Ann" || ann.Handshake.Address == "" {
		t.Errorf("data %v, %v; handshake %+v", data, err, ann.Handshake)
	}

	// The room is new there: an event right behind the join arrives.
	if err := ann.Join(ctx, "new"); err != nil {
		t.Fatal(err)
	}
	if err := one.To("new").Emit("hello"); err != nil {
		t.Fatal(err)
	}
	x.clients[1].Expect(`42["hello"]`)
	if err := one.In("all").SocketsLeave(ctx, "all"); err != nil {
		t.Fatal(err)
	}
	if got := ids(one.In("all")); len(got) != 0 {
		t.Errorf("sockets in the room that all have left: %v", got)
	}
	if err := one.Local().Emit("near"); err != nil {
		t.Fatal(err)
	}
	if err := one.Except("room1").DisconnectSockets(ctx, false); err != nil {
		t.Fatal(err)
	}
	x.clients[0].Expect(`42["near"]`, `41`)
	x.clients[2].Expect(`41`)
	if err := ann.Disconnect(ctx, true); err != nil {
		t.Fatal(err)
	}
	x.clients[1].Expect(`41`)
}

func TestSocketsOfAllGatewaysAreCounted(t *testing.T) {
	x := newThreeGateways(t)
	one := x.gateways[0].IO
	count := func(b *socketio.Broadcast, want int) {
		t.Helper()
		if n, err := b.CountSockets(t.Context()); n != want || err != nil {
			t.Errorf("%d sockets, %v, want %d", n, err, want)
		}
	}
	count(one.In("all"), 3)
	count(one.In("room0", "room2"), 2)
	count(one.Except("room1"), 2)
	count(one.In("all").Local(), 1)
	count(one.In("nobody"), 0)
	count(one.In(), 0)
	for name, total := range map[string]func(context.Context) (int, error){
		"of a server": one.CountSockets, "of a namespace": one.Of("/").CountSockets,
	} {
		if n, err := total(t.Context()); n != 3 || err != nil {
			t.Errorf("%s: %d sockets, %v", name, n, err)
		}
	}
	if err := one.In("room1").SocketsLeave(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	count(one.In("all"), 2)
}

// Only a gateway of an earlier release describes its sockets where they are to be counted.
func TestACountIsNotTheSocketsThemselves(t *testing.T) {
	x := newThreeGateways(t)
	for _, s := range x.sockets {
		s.SetData(strings.Repeat("x", 1000))
	}
	parts, err := x.gateways[0].IO.Of("/").Adapter().(*adapter).askAll(t.Context(), &request{kind: requestFetch, count: fetchCount})
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d answers, %v", len(parts), err)
	}
	for _, part := range parts {
		if string(part.JSON) != "1" {
			t.Errorf("the answer is %.100s", part.JSON)
		}
	}
}

func TestRow55ServerSideEmit(t *testing.T) {
	x := newThreeGateways(t)
	seen := make(chan string, 4)
	for i, g := range x.gateways {
		g.IO.OnServerSide("plain", func(ev *socketio.ServerSideEvent) {
			seen <- fmt.Sprint(i, string(ev.Args.JSON), ev.Args.Attachments, ev.NeedsAck())
		})
		g.IO.OnServerSide("ask", func(ev *socketio.ServerSideEvent) {
			if err := ev.Ack(i); err != nil {
				t.Error(err)
			}
		})
		g.IO.OnServerSide("silent", func(*socketio.ServerSideEvent) {})
	}
	one := x.gateways[0].IO
	if err := one.ServerSideEmit("plain", "a", []byte{1}); err != nil {
		t.Fatal(err)
	}
	got := []string{<-seen, <-seen}
	slices.Sort(got)
	args := `["a",{"_placeholder":true,"num":0}][[1]] false`
	if want := []string{"1" + args, "2" + args}; !slices.Equal(got, want) {
		t.Errorf("seen %q, want %q", got, want)
	}
	collect := func(ctx context.Context, event string) ([]string, error) {
		all, err := one.ServerSideEmitWithAck(ctx, event)
		var out []string
		for _, a := range all {
			out = append(out, string(a.JSON))
		}
		slices.Sort(out)
		return out, err
	}
	if got, err := collect(t.Context(), "ask"); err != nil || !slices.Equal(got, []string{"[1]", "[2]"}) {
		t.Errorf("answers %v, %v", got, err)
	}
	if got, err := collect(t.Context(), "nobody handles this"); err != nil || len(got) != 0 {
		t.Errorf("answers %v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got, err := collect(ctx, "silent"); !errors.Is(err, context.DeadlineExceeded) || len(got) != 0 {
		t.Errorf("answers %v, %v", got, err)
	}
}

func TestRow55AGatewayThatLeavesIsNotWaitedFor(t *testing.T) {
	x := newThreeGateways(t)
	one, last := x.gateways[0], x.gateways[2]
	handling, done := make(chan struct{}), make(chan struct{})
	for _, g := range x.gateways[1:] {
		g.IO.OnServerSide("ask", func(ev *socketio.ServerSideEvent) {
			if g == last {
				close(handling) // and gives no answer
				return
			}
			if err := ev.Ack(); err != nil {
				t.Error(err)
			}
		})
	}
	go func() {
		defer close(done)
		if got, err := one.IO.ServerSideEmitWithAck(t.Context(), "ask"); err != nil || len(got) != 1 {
			t.Errorf("answers %v, %v", got, err)
		}
	}()
	<-handling
	last.cluster.peers.Farewell()
	<-done
	waitForPeers(t, one.cluster, 1)
}

func TestASilentGatewayIsGivenUp(t *testing.T) {
	g := newCollector([]string{"a", "b"})
	g.count("a", 2)
	g.acked("a", socketio.Args{}, true)
	g.lost("a")
	g.count("b", 0)
	if got, err := g.wait(t.Context()); len(got) != 1 || !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("answers %v, %v", got, err)
	}
}

func TestWithoutNATSARequestFails(t *testing.T) {
	checkNothingIsLeft(t)
	g := newGateway(t, Options{URLs: []string{"nats://127.0.0.1:1"}})
	ctx := t.Context()
	if _, err := g.IO.FetchSockets(ctx); !errors.Is(err, errNoNATS) {
		t.Errorf("fetch: %v", err)
	}
	if _, err := g.IO.Local().FetchSockets(ctx); err != nil {
		t.Errorf("fetch local: %v", err)
	}
	if _, err := g.IO.CountSockets(ctx); !errors.Is(err, errNoNATS) {
		t.Errorf("count: %v", err)
	}
	if _, err := g.IO.EmitWithAck(ctx, "e"); !errors.Is(err, errNoNATS) {
		t.Errorf("broadcast with ack: %v", err)
	}
	if err := g.IO.ServerSideEmit("e"); !errors.Is(err, errNoNATS) {
		t.Errorf("server-side emit: %v", err)
	}
}

func TestRequestSurvivesTheWire(t *testing.T) {
	want := &request{kind: requestJoin, id: 7, from: "gateway1", namespace: "/n", event: "e", rooms: []string{"a", ""}, count: 3,
		delivery: socketio.Delivery{Text: []byte("[]"), Attachments: [][]byte{{1}}, Target: socketio.Target{Rooms: []string{"r"}}}}
	whole := want.encode()
	got, err := decodeRequest(whole)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for n := range len(whole) {
		if _, err := decodeRequest(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a request", n, len(whole))
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add((&request{kind: requestAsk, id: 1, from: "gateway1", namespace: "/", rooms: []string{"a"}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRequest(data)
		if err != nil {
			return
		}
		again, err := decodeRequest(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, cmp.AllowUnexported(request{}), cmpopts.IgnoreUnexported(socketio.Delivery{})); diff != "" {
			t.Errorf("request (-first +second):\n%s", diff)
		}
	})
}

// The word that answers are of no interest any more may be lost between two gateways.
func TestAClientIsAskedForAnotherGatewayUntilItsDeadlineAtMost(t *testing.T) {
	for name, tt := range map[string]struct {
		milliseconds uint64
		end          func(one *Cluster) error
	}{
		"by the deadline of the request": {50, func(*Cluster) error { return nil }},
		"by the other gateway's word, of a release that names no deadline": {0, func(one *Cluster) error {
			return one.tell(&request{kind: requestStop, id: 7})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, nil)
			one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
			waitForPeers(t, one.cluster, 1)
			c, _ := two.Client(t, "room")
			err := one.cluster.tell(&request{kind: requestAsk, id: 7, namespace: "/", count: tt.milliseconds, delivery: socketio.Delivery{
				Target: socketio.Target{Rooms: []string{"room"}}, Text: []byte(`2["q"]`),
			}})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Receive(); !strings.HasSuffix(got, `["q"]`) {
				t.Fatalf("the client is asked %s", got)
			}
			emit(t, one.IO.To("room"), "next") // which is taken when the request has been
			c.Expect(`42["next"]`)
			if err := tt.end(one.cluster); err != nil {
				t.Fatal(err)
			}
			await(t, "nobody is asked any more", func() bool { return two.cluster.asks.len() == 0 })
		})
	}
}
