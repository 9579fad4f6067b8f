// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// sessionMessages counts what gateways send to the log of their sessions.
type sessionMessages struct{ records, deltas, bytes atomic.Int64 }

func countSessions(t testing.TB, c *Cluster) *sessionMessages {
	t.Helper()
	var n sessionMessages
	sub, err := c.nc.Subscribe(wire.LogRoot+wire.Token(c.service)+".session.*", func(msg *nats.Msg) {
		n.bytes.Add(int64(len(msg.Data)))
		if msg.Header.Get("Nats-Rollup") == "" {
			n.deltas.Add(1)
		} else {
			n.records.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	return &n
}

// storedSession is the session as the log has it.
func (g *gateway) storedSession(t *testing.T, pid string) *record {
	t.Helper()
	settled := make(chan error)
	n := g.cluster.events.sessions.find(pid)
	n.settleAll(func(err error) { settled <- err })
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	known := n.number()
	r, number, err := g.cluster.events.readSession(t.Context(), wire.SessionSubject(g.cluster.service, pid))
	if err != nil {
		t.Fatal(err)
	}
	if number < known { // it may have been stored again meanwhile
		t.Errorf("the last message is %d, want %d", number, known)
	}
	return r
}

func TestARecordAndItsDeltasTellTheSession(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, manyRooms(30, 40)...)
	count := countSessions(t, two.cluster)
	rooms := manyRooms(80, 40)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		room := rooms[random.IntN(len(rooms))]
		switch random.IntN(5) {
		case 0:
			p.socket.SetData(i)
		case 1, 2:
			p.socket.Leave(room)
		default:
			p.socket.Join(room)
		}
		if i%20 != 0 {
			continue
		}
		stored := one.storedSession(t, p.PID)
		want, got := p.socket.Rooms(), make([]string, 0, len(stored.Rooms))
		for room := range stored.Rooms {
			got = append(got, room)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("rooms after %d changes (-want +got):\n%s", i, diff)
		}
		n := one.cluster.events.sessions.find(p.PID)
		n.mu.Lock()
		known := n.record.clone()
		n.mu.Unlock()
		if diff := cmp.Diff(known, stored); diff != "" {
			t.Fatalf("after %d changes (-known +stored):\n%s", i, diff)
		}
	}
	if count.deltas.Load() < 100 || count.records.Load() == 0 {
		t.Errorf("%d deltas, %d records", count.deltas.Load(), count.records.Load())
	}
	data := p.socket.Data()
	p.vanish()
	emit(t, two.io.To(p.SID), "n", 1)
	if !p.connect(two) {
		t.Fatal("not recovered")
	}
	p.missed(`["n",1]`)
	if got := p.socket.Data(); fmt.Sprint(got) != fmt.Sprint(data) {
		t.Errorf("data %v, want %v", got, data)
	}
}

func TestEachJoinWritesInProportionToTheChange(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	count := countSessions(t, two.cluster)
	p := arrive(t, one)
	for _, room := range manyRooms(400, 20) {
		p.socket.Join(room)
	}
	one.storedSession(t, p.PID)
	await(t, "all is counted", func() bool { return count.deltas.Load()+count.records.Load() >= 400 })
	if bytes := count.bytes.Load(); bytes > 400*512 {
		t.Errorf("400 joins have written %d bytes", bytes)
	}
}

// A delta is under the same condition as a record: a gateway that has lost the session stores nothing.
func TestADeltaOfALostSessionIsRefused(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	rooms := manyRooms(60, 40)
	p := arrive(t, one, rooms...)
	old, wire := p.socket, p.Wire
	one.storedSession(t, p.PID)
	n := one.cluster.events.sessions.find(p.PID)
	one.cluster.events.sessions.remove(n) // so that no fence reaches it
	if !p.connect(two) {
		t.Fatal("not recovered")
	}
	n.mu.Lock()
	delta := n.chain.base != 0
	n.mu.Unlock()
	if !delta {
		t.Fatal("the next message would be a record")
	}
	old.Namespace().Adapter().Leave(old, rooms[0])
	n.touch(rooms[0])
	n.save()
	wire.ExpectClosed()
	if r := two.storedSession(t, p.PID); len(r.Rooms) != len(rooms)+1 {
		t.Errorf("the session has %d rooms", len(r.Rooms))
	}
}

// Gateways of an earlier release read the last message of a session, and take it for all of it.
func TestNoDeltaIsStoredWhileAnEarlierGatewayIsThere(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, manyRooms(60, 40)...)
	count := countSessions(t, two.cluster)
	say := func(word byte) {
		t.Helper()
		old := peerFields{address: "10.0.0.9:3000", revision: "old"}
		if err := two.cluster.nc.Publish(two.cluster.subjects.Peers, old.append([]byte(string(word)+"earlier1"))); err != nil {
			t.Fatal(err)
		}
		if err := two.cluster.nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	last := func() string {
		t.Helper()
		one.storedSession(t, p.PID)
		stored, err := one.cluster.events.latest(t.Context(), wire.SessionSubject(one.cluster.service, p.PID))
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := decodeSession(stored.data)
		switch {
		case err != nil:
			t.Fatal(err)
		case r != nil:
			return fmt.Sprintf("a record of %d rooms", len(r.Rooms))
		}
		return "a delta"
	}
	p.socket.Join("before")
	if got := last(); got != "a delta" {
		t.Fatalf("the last message is %s", got)
	}
	say(peerHello)
	await(t, "the session is stored as a whole", func() bool { return last() == "a record of 62 rooms" })
	deltas := count.deltas.Load()
	p.socket.Join("meanwhile")
	if got := last(); got != "a record of 63 rooms" {
		t.Errorf("the last message is %s", got)
	}
	if got := count.deltas.Load(); got != deltas {
		t.Errorf("%d deltas more", got-deltas)
	}
	say(peerBye)
	await(t, "it has gone", one.cluster.peers.allTakeDeltas)
	p.socket.Join("after")
	if got := last(); got != "a delta" {
		t.Errorf("the last message is %s", got)
	}
}

func TestChainsOfASession(t *testing.T) {
	base := &record{SocketID: "s", Namespace: "/", Rooms: map[string]uint64{"a": 0, "b": 3}}
	message := func(number uint64, d *delta) storedMessage { return storedMessage{number: number, data: d.encode()} }
	first := storedMessage{number: 5, data: base.encode()}
	whole := map[string]uint64{"b": 3, "c": 7}
	for name, test := range map[string]struct {
		chain []storedMessage
		rooms map[string]uint64
		err   error
	}{
		"nothing":          {nil, nil, errBrokenChain},
		"a record":         {[]storedMessage{first}, map[string]uint64{"a": 5, "b": 3}, nil},
		"deltas":           {[]storedMessage{first, message(7, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}}), message(8, &delta{Base: 5, Index: 2})}, whole, nil},
		"one stored twice": {[]storedMessage{first, message(7, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}}), message(8, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}})}, whole, nil},
		"one is missing":   {[]storedMessage{first, message(8, &delta{Base: 5, Index: 2})}, nil, errBrokenChain},
		"another record's": {[]storedMessage{first, message(8, &delta{Base: 4, Index: 1})}, nil, errBrokenChain},
		"no record":        {[]storedMessage{message(8, &delta{Base: 5, Index: 1})}, nil, errBrokenChain},
		"a later record":   {[]storedMessage{first, {number: 9, data: base.encode()}}, nil, errBrokenChain},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := foldSession(test.chain)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(test.rooms, r.Rooms); diff != "" {
				t.Errorf("rooms (-want +got):\n%s", diff)
			}
			if left, want := r.Left["a"], (span{5, 7}); len(test.chain) > 1 && left != want {
				t.Errorf("left %v, want %v", left, want)
			}
		})
	}
}

// An earlier release takes a delta for the session of another namespace, which is not recovered.
func TestADeltaIsNoSessionToAnEarlierRelease(t *testing.T) {
	d := &delta{By: "writer", Base: 5, Index: 1, Joined: []string{"a"}, Left: []string{"b"}, HasData: true, Data: []byte("{}"), Gone: 1}
	r, err := decodeRecord(d.encode())
	if err != nil || r.Namespace != "" {
		t.Errorf("read as %+v, %v", r, err)
	}
}

func TestDeltasAndTheirAnnouncementStayAsTheyAre(t *testing.T) {
	deltas := map[string]*delta{
		"delta": {
			By: "writer01", Base: 1 << 53, Index: 2, Joined: []string{"a", "大厅"}, Left: []string{"b"},
			Data: []byte(`{"n":9007199254740993}`), HasData: true, Gone: 1764460800000,
		},
		"room": {By: "writer01", Base: 9, Index: 1, Joined: []string{"a"}},
	}
	samples := goldentest.Read(t, "testdata/wire/v1/session.txt")
	for name, want := range deltas {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		_, got, err := decodeSession(data)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(delta{})); err != nil || diff != "" {
			t.Errorf("%s: %v, delta (-want +got):\n%s", name, err, diff)
		}
	}
	fields := peerFields{address: "10.0.0.1:7443", deltas: true}
	data := goldentest.Sample(t, goldentest.Read(t, "testdata/wire/v1/peer.txt"), "deltas")
	if got := fields.append([]byte("agateway1")); !bytes.Equal(got, data) {
		t.Errorf("fields written as %q, want %q", got, data)
	}
	if got, err := decodePeerFields(data[1+wire.GatewayIDLength:]); err != nil || got != fields {
		t.Errorf("fields read as %+v, %v", got, err)
	}
}

// A log that has started over has no session, and the numbers of the old one say nothing there.
func TestASessionWithDeltasIsStoredAsAWholeInANewLog(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	rooms := manyRooms(60, 40)
	p := arrive(t, one, rooms...)
	p.socket.Join("one more") // a delta
	ns.stop()
	await(t, "the gateway notices", func() bool { return !one.cluster.LogReady() })
	p.socket.Leave(rooms[0])
	ns.options.StoreDir = t.TempDir()
	ns.start()
	await(t, "the log is ready", one.cluster.LogReady)
	await(t, "the session is stored", func() bool {
		r, _, err := one.cluster.events.readSession(t.Context(), wire.SessionSubject(one.cluster.service, p.PID))
		return err == nil && len(r.Rooms) == len(rooms)+1
	})
	emit(t, one.io.To(p.SID), "n", 1)
	p.Expect(`["n",1]`) // its offset proves that it knows the new log
	p.vanish()
	if !p.connect(one) {
		t.Fatal("not recovered")
	}
	if got := len(p.socket.Rooms()); got != len(rooms)+1 {
		t.Errorf("in %d rooms", got)
	}
}
