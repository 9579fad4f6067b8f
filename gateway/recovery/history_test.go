// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
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
	g := newGateway(t, cluster.Options{URLs: []string{ns.ClientURL()}, Recovery: &cluster.Recovery{
		MaxDisconnection: time.Minute, MaxMessages: 1000, HistoryAge: time.Hour, HistoryBytes: historyBytes,
	}})
	g.IO.Of("/").Adapter().(socketio.RoomPolicies).SetRoomPolicy(func(room string) socketio.RoomPolicy {
		if !strings.HasPrefix(room, "kept") {
			return socketio.RoomPolicy{}
		}
		return socketio.RoomPolicy{HistoryMessages: 3, HistoryAge: time.Hour, HistoryOnJoin: true, Revisions: true}
	})
	await(t, "the log is ready", g.Cluster.LogReady)
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

func expectRevised(p *person, events ...string) []uint64 {
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
		emit(t, two.IO.To("kept"), "n", i)
	}
	emit(t, two.IO.To("kept", "other"), "both", []byte{1})
	expectRevised(first, `["n",0]`, `["n",1]`, `["n",2]`, `["n",3]`, `["n",4]`)
	first.Wire.Receive() // of both, the text
	if got := first.Wire.Receive(); got != "binary [1]" {
		t.Fatalf("received %s", got)
	}

	// One joins where the room is known, the other where it is not.
	var late [2]*person
	var revisions [2][]uint64
	for i, g := range []*gateway{one, two} {
		late[i] = arrive(t, g)
		late[i].Socket.Join("kept", "other")
		revisions[i] = expectRevised(late[i], `["n",3]`, `["n",4]`)
		if text := late[i].Wire.Receive(); !strings.HasPrefix(text, `451-["both",{"_placeholder":true,"num":0},{"revision":`) {
			t.Errorf("received %s", text)
		}
		late[i].Wire.Receive()
	}
	emit(t, one.IO.To("kept"), "n", "next")
	for i, p := range late {
		next := expectRevised(p, `["n","next"]`)
		if revisions[i][0] >= revisions[i][1] || revisions[i][1] >= next[0] {
			t.Errorf("revisions %v, then %v", revisions[i], next)
		}
		p.Vanish()
		if !p.Connect(two) {
			t.Fatal("not recovered")
		}
		p.Missed()
	}
}

func TestAnEventOfSeveralRoomsIsOnceInTheirHistory(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := historian(t, ns)
	first := arrive(t, one, "kept-a", "kept-b")
	emit(t, one.IO.To("kept-a"), "n", 1)
	emit(t, one.IO.To("kept-a", "kept-b"), "n", 2)
	emit(t, one.IO.To("kept-b"), "n", 3)
	expectRevised(first, `["n",1]`, `["n",2]`, `["n",3]`)
	late := arrive(t, one)
	late.Socket.Join("kept-a", "kept-b")
	expectRevised(late, `["n",1]`, `["n",2]`, `["n",3]`)
	emit(t, one.IO.To("kept-b"), "n", "next")
	expectRevised(late, `["n","next"]`)
}

func TestAHistoryOnItsWay(t *testing.T) {
	checkNothingIsLeft(t)
	for _, test := range []struct {
		name      string
		meanwhile func(*gateway, *person)
		want      int
	}{
		{"nothing happens", func(*gateway, *person) {}, 3},
		{"the log has a gap, and histories are read again", func(g *gateway, _ *person) { namespaceIn(g).Gap() }, 3},
		{"the room is evicted, and read again", func(g *gateway, _ *person) {
			cache, rooms := g.Cluster.Sessions().Histories(), namespaceIn(g).Histories()
			rooms.Join("another", 0)() // the one that was asked for last is never evicted
			cache.SetLimit(0)
			cache.SetLimit(history.DefaultBytes)
			if rooms.Keeps("kept") {
				t.Fatal("the room is not evicted")
			}
		}, 3},
		{"the room drops an event meanwhile", func(_ *gateway, p *person) {
			emit(t, p.Socket.Namespace().To("kept"), "n", "next")
			p.Wire.Receive()
		}, 2},
		{"nobody is in the room any more", func(g *gateway, p *person) {
			p.Socket.Leave("kept")
			await(t, "the room is forgotten", func() bool { return !namespaceIn(g).Histories().Keeps("kept") })
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			one := historian(t, startJetStream(t))
			p := arrive(t, one, "kept")
			for i := range 3 {
				emit(t, one.IO.To("kept"), "n", i)
				p.Wire.Receive()
			}
			sent := namespaceIn(one).SendHistory(p.Socket)
			known, err := sent.Read([]string{"kept"})
			if err != nil || len(known) != 3 {
				t.Fatalf("read %d events: %v", len(known), err)
			}
			next := sent.Past(known).Next
			test.meanwhile(one, p)
			if test.want == 0 {
				await(t, "what was kept is dropped", func() bool { return sent.Kept() == 0 }) // behind the room
			}
			n, last := 0, uint64(0)
			for d := next(); d != nil; d = next() {
				if d == socketio.NotYet {
					await(t, "the room is read again", sent.IsReadAgain)
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
	kept := namespaceIn(one)
	for i := range 5 {
		emit(t, one.IO.To("kept"), "n", i)
	}
	settled := make(chan struct{})
	one.Cluster.Log().AfterAll(func(error) { close(settled) })
	<-settled
	var got []string
	for before := uint64(0); ; {
		page, err := kept.History(t.Context(), "kept", before, 2, 1<<20)
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
	if _, err := kept.History(t.Context(), "other", 0, 1, 1<<20); !errors.Is(err, socketio.ErrNoHistory) {
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
				if err := gateways[i%len(gateways)].IO.To("kept").Emit("n", i, n); err != nil {
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

// fewPerSubject is how many messages of a subject the log keeps in tests of what is beyond.
const fewPerSubject = 20

// keepingFew is a gateway whose log keeps few messages of a subject.
func keepingFew(t *testing.T, url string) *gateway {
	t.Helper()
	g := newGateway(t, cluster.Options{URLs: []string{url}, Recovery: &cluster.Recovery{
		MaxDisconnection: time.Minute, MaxMessages: 1000, Detection: time.Second, MaxPerSubject: fewPerSubject,
	}})
	await(t, "the log is ready", g.Cluster.LogReady)
	return g
}

// A gateway that has watched a room, and one that reads the log for it, give the same answer.
func TestGatewaysAgreeOnAHistoryThatTheLogHasDropped(t *testing.T) {
	for name, then := range map[string][]string{"its own events": {"kept"}, "events to several other rooms": {"p", "q"}} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := keepingFew(t, ns.ClientURL()), keepingFew(t, ns.ClientURL())
			for _, g := range []*gateway{one, two} {
				g.IO.Of("/").Adapter().(socketio.RoomPolicies).SetRoomPolicy(func(room string) socketio.RoomPolicy {
					return socketio.RoomPolicy{HistoryMessages: 1000, HistoryAge: time.Hour, HistoryOnJoin: room == "kept"}
				})
			}
			history := func(g *gateway) (events []string) {
				t.Helper()
				past, err := namespaceIn(g).History(t.Context(), "kept", 0, 1000, 1<<30)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range past {
					events = append(events, e.Event+string(e.Args.JSON))
				}
				return events
			}
			watcher := arrive(t, one)
			watcher.Socket.Join("kept")
			emit(t, one.IO.To("kept"), "own", 0)
			emit(t, one.IO.To("kept", "x"), "several", 0)
			for i := range 2 * fewPerSubject {
				emit(t, one.IO.To(then...), "n", i)
			}
			emit(t, one.IO.To("kept"), "own", 1)
			one.Stored(t)
			watched, read := history(one), history(two)
			if diff := cmp.Diff(watched, read); diff != "" {
				t.Errorf("the gateway that has watched the room (-) and the other one (+) differ:\n%s", diff)
			}
			if len(read) == 0 || read[len(read)-1] != "own[1]" || slices.Contains(read, "own[0]") {
				t.Errorf("the history is %v", read)
			}
		})
	}
}
