// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// historian is a gateway whose rooms named kept… have a history and revisions.
func historian(t *testing.T, ns *natsserver.Server) *gateway {
	t.Helper()
	return historianWith(t, ns, 0)
}

// historianWith is one that keeps so many bytes of histories.
func historianWith(t *testing.T, ns *natsserver.Server, historyBytes int) *gateway {
	t.Helper()
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Recovery: &Recovery{
		MaxDisconnection: time.Minute, MaxMessages: 1000, HistoryAge: time.Hour, HistoryBytes: historyBytes,
	}})
	SetRoomPolicy(g.io.Of("/").Adapter(), func(room string) RoomPolicy {
		if !strings.HasPrefix(room, "kept") {
			return RoomPolicy{}
		}
		return RoomPolicy{HistoryMessages: 3, HistoryAge: time.Hour, HistoryOnJoin: true, Revisions: true}
	})
	await(t, "the log is ready", g.cluster.LogReady)
	return g
}

// revised takes the revision off an event.
func revised(t *testing.T, event string) (string, uint64) {
	t.Helper()
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(event), &args); err != nil {
		t.Fatal(err)
	}
	var last struct{ Revision uint64 }
	if err := json.Unmarshal(args[len(args)-1], &last); err != nil || last.Revision == 0 {
		t.Fatalf("%s has no revision", event)
	}
	rest, err := json.Marshal(args[:len(args)-1])
	if err != nil {
		t.Fatal(err)
	}
	return string(rest), last.Revision
}

func (p *person) expectRevised(events ...string) []uint64 {
	p.T.Helper()
	var revisions []uint64
	for _, want := range events {
		got, revision := revised(p.T, p.Take(p.Wire.Receive()))
		if got != want {
			p.T.Fatalf("received %s, want %s", got, want)
		}
		revisions = append(revisions, revision)
	}
	return revisions
}

func TestWhoJoinsGetsTheHistoryFirst(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := historian(t, ns), historian(t, ns)
	first := arrive(t, one, "kept")
	for i := range 5 {
		emit(t, two.io.To("kept"), "n", i)
	}
	emit(t, two.io.To("kept", "other"), "both", []byte{1})
	first.expectRevised(`["n",0]`, `["n",1]`, `["n",2]`, `["n",3]`, `["n",4]`)
	first.Wire.Receive() // of both, the text
	if got := first.Wire.Receive(); got != "binary [1]" {
		t.Fatalf("received %s", got)
	}

	// One joins where the room is known, the other where it is not.
	var late [2]*person
	var revisions [2][]uint64
	for i, g := range []*gateway{one, two} {
		late[i] = arrive(t, g)
		late[i].socket.Join("kept", "other")
		revisions[i] = late[i].expectRevised(`["n",3]`, `["n",4]`)
		if text := late[i].Wire.Receive(); !strings.HasPrefix(text, `451-["both",{"_placeholder":true,"num":0},{"revision":`) {
			t.Errorf("received %s", text)
		}
		late[i].Wire.Receive()
	}
	emit(t, one.io.To("kept"), "n", "next")
	for i, p := range late {
		next := p.expectRevised(`["n","next"]`)
		if revisions[i][0] >= revisions[i][1] || revisions[i][1] >= next[0] {
			t.Errorf("revisions %v, then %v", revisions[i], next)
		}
		p.vanish()
		if !p.connect(two) {
			t.Fatal("not recovered")
		}
		p.missed()
	}
}

func TestAnEventOfSeveralRoomsIsOnceInTheirHistory(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := historian(t, ns)
	first := arrive(t, one, "kept-a", "kept-b")
	emit(t, one.io.To("kept-a"), "n", 1)
	emit(t, one.io.To("kept-a", "kept-b"), "n", 2)
	emit(t, one.io.To("kept-b"), "n", 3)
	first.expectRevised(`["n",1]`, `["n",2]`, `["n",3]`)
	late := arrive(t, one)
	late.socket.Join("kept-a", "kept-b")
	late.expectRevised(`["n",1]`, `["n",2]`, `["n",3]`)
	emit(t, one.io.To("kept-b"), "n", "next")
	late.expectRevised(`["n","next"]`)
}

func TestAHistoryOnItsWay(t *testing.T) {
	checkNothingIsLeft(t)
	for _, test := range []struct {
		name      string
		meanwhile func(*adapter, *person)
		want      int
	}{
		{"nothing happens", func(*adapter, *person) {}, 3},
		{"the log has a gap, and histories are read again", func(a *adapter, _ *person) { a.history.clear() }, 3},
		{"the room is evicted, and read again", func(a *adapter, _ *person) {
			limit := &a.cluster.events.histories.limit
			*limit = 0
			a.history.watch("another")
			a.cluster.events.histories.evict()
			*limit = defaultHistoryBytes
			if a.history.find("kept") != nil {
				t.Fatal("the room is not evicted")
			}
		}, 3},
		{"the room drops an event meanwhile", func(a *adapter, p *person) {
			emit(t, p.socket.Namespace().To("kept"), "n", "next")
			p.Wire.Receive()
		}, 2},
		{"nobody is in the room any more", func(a *adapter, p *person) {
			p.socket.Leave("kept")
			await(t, "the room is forgotten", func() bool { return a.history.find("kept") == nil })
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			one := historian(t, startJetStream(t))
			a := one.io.Of("/").Adapter().(keeper).adapter
			p := arrive(t, one, "kept")
			for i := range 3 {
				emit(t, one.io.To("kept"), "n", i)
				p.Wire.Receive()
			}
			sent := &historySent{adapter: a, socket: p.socket}
			known, err := sent.read([]string{"kept"})
			if err != nil || len(known) != 3 {
				t.Fatalf("read %d events: %v", len(known), err)
			}
			next := sent.past(known).Next
			test.meanwhile(a, p)
			n, last := 0, uint64(0)
			for d := next(); d != nil; d = next() {
				if d == socketio.NotYet {
					await(t, "the room is read again", func() bool { return len(sent.again) > 0 })
					continue
				}
				if d.Position <= last {
					t.Errorf("%d comes behind %d", d.Position, last)
				}
				n, last = n+1, d.Position
			}
			if n != test.want {
				t.Errorf("%d events are sent, want %d", n, test.want)
			}
		})
	}
}

func TestHistoryInPages(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := historian(t, ns)
	adapter := one.io.Of("/").Adapter()
	for i := range 5 {
		emit(t, one.io.To("kept"), "n", i)
	}
	settled := make(chan struct{})
	one.cluster.events.out.AfterAll(func(error) { close(settled) })
	<-settled
	var got []string
	for before := uint64(0); ; {
		page, err := History(t.Context(), adapter, "kept", before, 2, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.Event+string(e.Args.JSON))
			if age := time.Since(e.Time); age < 0 || age > time.Minute {
				t.Errorf("%s is %s old", e.Event, age)
			}
		}
		before = page[0].Revision
	}
	if text := strings.Join(got, " "); text != "n[3] n[4] n[2]" {
		t.Errorf("the pages are %s", text)
	}
	if _, err := History(t.Context(), adapter, "other", 0, 1, 1<<20); !errors.Is(err, ErrNoHistory) {
		t.Errorf("a room without history: %v", err)
	}
}

func TestAllMembersSeeOneOrder(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	gateways := []*gateway{historian(t, ns), historian(t, ns), historian(t, ns)}
	const senders, each = 50, 10
	var members []*person
	for _, g := range gateways {
		members = append(members, arrive(t, g, "kept"), arrive(t, g, "kept"))
	}
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for n := range each {
				if err := gateways[i%len(gateways)].io.To("kept").Emit("n", i, n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var sequences [2]string
	for i, m := range members {
		var sequence []string
		next := map[int]int{}
		last := uint64(0)
		for range senders * each {
			event, revision := revised(t, m.Take(m.Wire.Receive()))
			sequence = append(sequence, event+strconv.FormatUint(revision, 10))
			var args []json.RawMessage
			var sender, n int
			if err := errors.Join(json.Unmarshal([]byte(event), &args), json.Unmarshal(args[1], &sender), json.Unmarshal(args[2], &n)); err != nil {
				t.Fatal(err)
			}
			if n != next[sender] || revision <= last {
				t.Fatalf("sender %d: %d, want %d; revision %d after %d", sender, n, next[sender], revision, last)
			}
			next[sender]++
			last = revision
		}
		sequences[min(i, 1)] = strings.Join(sequence, " ")
		if i > 0 && sequences[0] != sequences[1] {
			t.Errorf("member %d sees another order", i)
		}
	}
	sending.Wait()
}
