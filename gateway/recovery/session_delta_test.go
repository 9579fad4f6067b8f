// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
)

// sessionMessages counts what gateways send to the log of their sessions.
type sessionMessages struct{ records, deltas, bytes atomic.Int64 }

func countSessions(t testing.TB, c *cluster.Cluster) *sessionMessages {
	t.Helper()
	var n sessionMessages
	sub, err := c.Sessions().NATS().Subscribe(wire.LogRoot+wire.Token("default/chat")+".session.*", func(msg *nats.Msg) {
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
	if err := c.Sessions().NATS().Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	return &n
}

// storedSession is the session as the log has it.
func storedSession(g *gateway, t *testing.T, pid string) *record {
	t.Helper()
	settled := make(chan error)
	n := g.Cluster.Sessions().Get(pid)
	n.AfterStored(func(err error) { settled <- err })
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	known := n.Number()
	r, number, err := g.Cluster.Sessions().ReadSession(t.Context(), wire.SessionSubject("default/chat", pid))
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
	count := countSessions(t, two.Cluster)
	rooms := manyRooms(80, 40)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		room := rooms[random.IntN(len(rooms))]
		switch random.IntN(5) {
		case 0:
			p.Socket.SetData(i)
		case 1, 2:
			p.Socket.Leave(room)
		default:
			p.Socket.Join(room)
		}
		if i%20 != 0 {
			continue
		}
		stored := storedSession(one, t, p.PID)
		want, got := p.Socket.Rooms(), make([]string, 0, len(stored.Rooms))
		for room := range stored.Rooms {
			got = append(got, room)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("rooms after %d changes (-want +got):\n%s", i, diff)
		}
		n := one.Cluster.Sessions().Get(p.PID)
		known, _ := n.Known()
		if diff := cmp.Diff(known, stored); diff != "" {
			t.Fatalf("after %d changes (-known +stored):\n%s", i, diff)
		}
	}
	if count.deltas.Load() < 100 || count.records.Load() == 0 {
		t.Errorf("%d deltas, %d records", count.deltas.Load(), count.records.Load())
	}
	data := p.Socket.Data()
	p.Vanish()
	emit(t, two.IO.To(p.SID), "n", 1)
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",1]`)
	if got := p.Socket.Data(); fmt.Sprint(got) != fmt.Sprint(data) {
		t.Errorf("data %v, want %v", got, data)
	}
}

func TestEachJoinWritesInProportionToTheChange(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	count := countSessions(t, two.Cluster)
	p := arrive(t, one)
	for _, room := range manyRooms(400, 20) {
		p.Socket.Join(room)
	}
	storedSession(one, t, p.PID)
	await(t, "all is counted", func() bool { return count.deltas.Load()+count.records.Load() >= 400 })
	if bytes := count.bytes.Load(); bytes > 400*512 {
		t.Errorf("400 joins have written %d bytes", bytes)
	}
}

// A delta is under the same condition as a record: a gateway that has lost the session stores
// nothing.
func TestADeltaOfALostSessionIsRefused(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	rooms := manyRooms(60, 40)
	p := arrive(t, one, rooms...)
	old, wire := p.Socket, p.Wire
	storedSession(one, t, p.PID)
	n := one.Cluster.Sessions().Get(p.PID)
	one.Cluster.Sessions().Remove(n) // so that no fence reaches it
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	if _, delta := n.Known(); !delta {
		t.Fatal("the next message would be a record")
	}
	old.Namespace().Adapter().Leave(old, rooms[0])
	n.Touch(rooms[0])
	n.Save()
	wire.ExpectClosed()
	if r := storedSession(two, t, p.PID); len(r.Rooms) != len(rooms)+1 {
		t.Errorf("the session has %d rooms", len(r.Rooms))
	}
}

// Gateways of an earlier release read the last message of a session, and take it for all of it.
func TestNoDeltaIsStoredWhileAnEarlierGatewayIsThere(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, one, manyRooms(60, 40)...)
	count := countSessions(t, two.Cluster)
	say := func(word byte) {
		t.Helper()
		old := []byte(string(word) + "earlier1")
		for number, value := range []string{"10.0.0.9:3000", "old"} { // address and revision
			old = wire.AppendBytes(binary.AppendUvarint(old, uint64(number+1)), value)
		}
		if err := two.Cluster.Sessions().NATS().Publish(wire.NewServiceSubjects("default/chat", "").Peers, old); err != nil {
			t.Fatal(err)
		}
		if err := two.Cluster.Sessions().NATS().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	last := func() string {
		t.Helper()
		storedSession(one, t, p.PID)
		stored, err := one.Cluster.Log().Latest(t.Context(), wire.SessionSubject("default/chat", p.PID))
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := recovery.DecodeSession(stored.Data)
		switch {
		case err != nil:
			t.Fatal(err)
		case r != nil:
			return fmt.Sprintf("a record of %d rooms", len(r.Rooms))
		}
		return "a delta"
	}
	p.Socket.Join("before")
	if got := last(); got != "a delta" {
		t.Fatalf("the last message is %s", got)
	}
	say('h')
	await(t, "the session is stored as a whole", func() bool { return last() == "a record of 62 rooms" })
	deltas := count.deltas.Load()
	p.Socket.Join("meanwhile")
	if got := last(); got != "a record of 63 rooms" {
		t.Errorf("the last message is %s", got)
	}
	if got := count.deltas.Load(); got != deltas {
		t.Errorf("%d deltas more", got-deltas)
	}
	say('b')
	await(t, "it has gone", one.Cluster.Sessions().TakesDeltas)
	p.Socket.Join("after")
	if got := last(); got != "a delta" {
		t.Errorf("the last message is %s", got)
	}
}

// A log that has started over has no session, and the numbers of the old one say nothing there.
func TestASessionWithDeltasIsStoredAsAWholeInANewLog(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	rooms := manyRooms(60, 40)
	p := arrive(t, one, rooms...)
	p.Socket.Join("one more") // a delta
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	p.Socket.Leave(rooms[0])
	ns.Options.StoreDir = t.TempDir()
	ns.Start()
	await(t, "the log is ready", one.Cluster.LogReady)
	await(t, "the session is stored", func() bool {
		r, _, err := one.Cluster.Sessions().ReadSession(t.Context(), wire.SessionSubject("default/chat", p.PID))
		return err == nil && len(r.Rooms) == len(rooms)+1
	})
	emit(t, one.IO.To(p.SID), "n", 1)
	p.Expect(`["n",1]`) // its offset proves that it knows the new log
	p.Vanish()
	if !p.Connect(one) {
		t.Fatal("not recovered")
	}
	if got := len(p.Socket.Rooms()); got != len(rooms)+1 {
		t.Errorf("in %d rooms", got)
	}
}

func TestLeavingARoomThatOneIsNotInStoresNothing(t *testing.T) {
	checkNothingIsLeft(t)
	one := recovering(t, startJetStream(t))
	p := arrive(t, one, "room")
	number := func() uint64 {
		storedSession(one, t, p.PID)
		return one.Cluster.Sessions().Get(p.PID).Number()
	}
	before := number()
	p.Socket.Leave("elsewhere")
	if got := number(); got != before {
		t.Errorf("the session is stored again, as %d behind %d", got, before)
	}
	p.Socket.Leave("room")
	if got := number(); got == before {
		t.Error("the session is not stored without the room that it has left")
	}
}
