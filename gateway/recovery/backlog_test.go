// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// countReads counts the requests for messages that JetStream gets.
func countReads(t *testing.T, ns *natsserver.Server) func() int {
	t.Helper()
	nc := natstest.Connect(t, ns.ClientURL())
	var subs []*nats.Subscription
	for _, subject := range []string{"$JS.API.DIRECT.GET.>", "$JS.API.STREAM.MSG.GET.>"} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	return func() (n int) {
		t.Helper()
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, sub := range subs {
			waiting, _, err := sub.Pending()
			if err != nil {
				t.Fatal(err)
			}
			n += waiting
		}
		return n
	}
}

// said emits events to rooms, and returns their numbers.
func said(t *testing.T, g *gateway, n int, text string, rooms ...string) []uint64 {
	t.Helper()
	before := g.Cluster.Log().Delivered()
	for i := range n {
		emit(t, g.IO.To(rooms...), "n", i, text)
	}
	g.Stored(t)
	var numbers []uint64
	subjects := namespaceIn(g).Subjects()
	subject := subjects.All()
	if len(rooms) == 1 {
		subject = subjects.Room(rooms[0])
	}
	err := g.Cluster.Log().Fetch(t.Context(), subjects.Stored(subject), before+1, eventlog.End, func(m eventlog.Message) error {
		numbers = append(numbers, m.Sequence)
		return nil
	})
	if err != nil || len(numbers) != n {
		t.Fatalf("%d of %d events are stored: %v", len(numbers), n, err)
	}
	return numbers
}

func TestSessionsThatWaitShareARead(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	ns1 := namespaceIn(one)
	numbers := said(t, one, 20, "text", "room")
	last := numbers[len(numbers)-1]
	subject := ns1.Subjects().Stored(ns1.Subjects().Room("room"))
	b := ns1.BacklogOf(subject)
	read := func(after int, upTo uint64) error {
		events, err := b.Sequences(t.Context(), subject, recovery.Span{After: numbers[after] - 1, UpTo: upTo})
		if err != nil {
			return err
		}
		for i, e := range events {
			if e != numbers[after+i] {
				return fmt.Errorf("event %d behind %d is %d, want %d", i, after, e, numbers[after+i])
			}
		}
		if want := len(numbers) - after; len(events) != want {
			return fmt.Errorf("%d events behind %d, want %d", len(events), after, want)
		}
		return nil
	}
	count := countReads(t, ns)
	before := count()
	release := b.HoldReads() // as if another one read
	var sessions errgroup.Group
	for i := range numbers {
		sessions.Go(func() error { return read(i, last) })
	}
	await(t, "all wait", func() bool { return b.Wants(recovery.Span{After: numbers[0] - 1, UpTo: last}) })
	release()
	if err := sessions.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := count() - before; got != 1 {
		t.Errorf("the log was read %d times", got)
	}
	before = count()
	if err := read(3, last); err != nil {
		t.Error(err)
	}
	if got := count() - before; got != 0 {
		t.Errorf("what is there was read %d times more", got)
	}

	// The part grows at both ends.
	numbers = append(numbers, said(t, one, 5, "more", "room")...)
	if err := read(10, numbers[len(numbers)-1]); err != nil {
		t.Error(err)
	}
}

// One session that has missed too much must not cost the others theirs.
func TestASessionThatWantsTooMuchReadsForItself(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	old := arrive(t, one, "old")
	old.Vanish()
	big := strings.Repeat("x", 900_000)
	said(t, two, 20, big, "p", "q") // 18 MB in the subject of several rooms
	young := arrive(t, one, "young")
	young.Vanish()
	said(t, two, 3, "for both", "old", "young")
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprintf(`["n",%d,"for both"]`, i))
	}
	for range 2 {
		for name, p := range map[string]*person{"old": old, "young": young} {
			if !p.Connect(two) {
				t.Fatalf("%s is not recovered", name)
			}
			p.Missed(want...)
			p.Vanish()
			p.Offset = ""
		}
		want = append(want, `["nothing else"]`)
	}
}

func TestAClientThatHasMissedTooManyBytesStartsANewSession(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	p.Vanish()
	said(t, one, 20, strings.Repeat("x", 900_000), "room")
	if p.Connect(one) {
		t.Error("recovered")
	}
}

// The gateway of many clients is lost: what was sent to each of their sockets is read at once.
func TestManyClientsOfALostGatewayAreWhole(t *testing.T) {
	t.Run("one NATS server", func(t *testing.T) {
		checkNothingIsLeft(t)
		ns := startJetStream(t)
		loseGatewayOfMany(t, recovering(t, ns), recovering(t, ns))
	})
	t.Run("three NATS servers", func(t *testing.T) { // two of which may be behind, and answer too
		checkNothingIsLeft(t)
		trio := natstest.StartTrio(t)
		loseGatewayOfMany(t, replicated(t, cluster.Options{URLs: trio.URLs()}), replicated(t, cluster.Options{URLs: trio.URLs()}))
	})
}

func loseGatewayOfMany(t *testing.T, one, two *gateway) {
	t.Helper()
	const clients = 24
	var all []*person
	for i := range clients {
		all = append(all, arrive(t, one, "room", fmt.Sprintf("own %d", i)))
	}
	for _, p := range all {
		storedSession(one, t, p.PID)
	}
	one.Cluster.Sessions().NATS().Close()
	one.Cluster.Log().Close()
	for i, p := range all {
		p.Wire.Close()
		emit(t, two.IO.To("room"), "all", i)
		emit(t, two.IO.To(p.SID), "you", i)
		emit(t, two.IO.To(fmt.Sprintf("own %d", i)), "own", i)
	}
	two.Stored(t)
	done := two.Cluster.Sessions().Returning(all[0].SID)
	for range recovery.FewReturning {
		defer two.Cluster.Sessions().Returning(all[0].SID)()
	}
	defer done()
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		for range all {
			<-two.Sockets
		}
	}()
	for _, p := range all {
		p.Ask(two)
	}
	for i, p := range all {
		if !p.Answer() {
			t.Errorf("client %d is not recovered", i)
			continue
		}
		next, others := 0, []string{}
		for range len(all) + 2 {
			event := p.Take(p.Wire.Receive())
			if event == fmt.Sprintf(`["all",%d]`, next) {
				next++
			} else { // of another room; on three NATS servers these do not wait for each other
				others = append(others, event)
			}
		}
		slices.Sort(others)
		want := []string{fmt.Sprintf(`["own",%d]`, i), fmt.Sprintf(`["you",%d]`, i)}
		if next != len(all) || !slices.Equal(others, want) {
			t.Errorf("client %d has got %d events of the room in order, and %v", i, next, others)
		}
	}
	<-connected
	emit(t, two.IO.To("room"), "end")
	for _, p := range all {
		p.Expect(`["end"]`)
	}
}

func TestABacklogOfAnotherLogOrOfOtherRulesIsNotUsed(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	kept := namespaceIn(one)
	first := kept.BacklogOf("pattern")
	if kept.BacklogOf("pattern") != first {
		t.Error("it is another one at once")
	}
	keepRooms(one, func(string) socketio.RoomPolicy { return socketio.RoomPolicy{Revisions: true} })
	second := kept.BacklogOf("pattern")
	if second == first {
		t.Error("it is the same with other rules for rooms")
	}
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	ns.Options.StoreDir = t.TempDir()
	ns.Start()
	await(t, "the log is ready", one.Cluster.LogReady)
	if kept.BacklogOf("pattern") == second {
		t.Error("it is the same with another log")
	}
}

func TestSessionsThatComeTogetherAreLookedUpTogether(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	const clients = 20
	subjects := make([]string, clients)
	for i := range subjects {
		p := arrive(t, one, fmt.Sprintf("room %d", i))
		storedSession(one, t, p.PID)
		subjects[i] = wire.SessionSubject("default/chat", p.PID)
	}
	sessions := two.Cluster.Sessions()
	if !sessions.LooksUpAlone() {
		t.Fatal("another lookup is under way")
	}
	count := countReads(t, ns)
	before := count()
	var all errgroup.Group
	for i, subject := range subjects {
		all.Go(func() error {
			m, err := sessions.LookUpLast(t.Context(), subject)
			if err != nil {
				return err
			}
			if r, _, err := recovery.DecodeSession(m.Data); err != nil || m.Subject != subject || !strings.Contains(fmt.Sprint(r.Rooms), fmt.Sprintf("room %d:", i)) {
				return fmt.Errorf("session %d is %s, %w", i, m.Data, err)
			}
			return nil
		})
	}
	all.Go(func() error {
		if _, err := sessions.LookUpLast(t.Context(), wire.SessionSubject("default/chat", "nobody's")); !errors.Is(err, eventlog.ErrNotFound) {
			return fmt.Errorf("a session that is not there: %w", err)
		}
		return nil
	})
	await(t, "all wait", func() bool { return sessions.LookupsWaiting() == clients+1 })
	sessions.LookUpNext()
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	// They may be seen a moment after they are answered.
	await(t, "they are seen", func() bool { return count()-before >= 2 })
	if got := count() - before; got != 2 { // one for all, and the leader about the one that is not there
		t.Errorf("%d requests", got)
	}
}
