// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// awaitRestarted returns when the sessions of a gateway are in the log that has taken the place of
// one that was lost.
func awaitRestarted(t *testing.T, gateways ...*gateway) {
	t.Helper()
	for _, g := range gateways {
		l := g.Cluster.Log()
		await(t, "the sessions are in the new log", func() bool {
			settled := make(chan bool, 1)
			l.InLoop(func() { settled <- l.Restarted() })
			return <-settled
		})
	}
}

// trioOf are three gateways, each with a proxy between it and the server.
func trioOf(t *testing.T, ns *restartable) (gateways []*gateway, proxies []*natstest.Proxy) {
	t.Helper()
	for range 3 {
		proxy := natstest.NewProxy(t, ns.ClientURL())
		g := newGateway(t, cluster.Options{URLs: []string{proxy.URL()}, Recovery: &cluster.Recovery{
			MaxDisconnection: time.Minute, MaxMessages: 10_000, Detection: time.Second,
		}})
		await(t, "the log is ready", g.Cluster.LogReady)
		gateways, proxies = append(gateways, g), append(proxies, proxy)
	}
	await(t, "the gateways know each other", func() bool {
		return !slices.ContainsFunc(gateways, func(g *gateway) bool { return g.Cluster.Log().PeerCount() != 2 })
	})
	return gateways, proxies
}

// loseDisk has NATS come back with an empty disk, reached by nobody.
func loseDisk(t *testing.T, ns *restartable, gateways []*gateway, proxies []*natstest.Proxy) {
	t.Helper()
	if ns.Running() {
		ns.Stop()
	}
	for _, p := range proxies {
		p.Cut()
	}
	await(t, "the gateways notice", func() bool {
		return !slices.ContainsFunc(gateways, func(g *gateway) bool { return g.Cluster.Connected() || g.Cluster.LogReady() })
	})
	ns.Options.StoreDir = t.TempDir()
	ns.Start()
}

// sequence are events of one sender.
func sequence(from, to int) (events []string) {
	for i := from; i < to; i++ {
		events = append(events, fmt.Sprintf(`["n",%d]`, i))
	}
	return events
}

// The gateways come back one after the other, and each stores what has waited there. What the first
// has stored before the last is there is delivered by all.
func TestWhatWaitsIsDeliveredByAllGatewaysWhenTheLogIsLost(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	gateways, proxies := trioOf(t, ns)
	const each = 50
	var members []*person
	for _, g := range gateways {
		members = append(members, arrive(t, g, "room"))
	}
	say := func(from, to int) {
		t.Helper()
		for i, g := range gateways {
			for n := from; n < to; n++ {
				emit(t, g.IO.To("room"), "n", i*1000+n)
			}
		}
	}
	got := make([][3][]int, len(members)) // by member, sender
	take := func(upTo int) {
		t.Helper()
		for m, p := range members {
			for total := func() int { return len(got[m][0]) + len(got[m][1]) + len(got[m][2]) }; total() < 3*upTo; {
				var n int
				event := p.Take(p.Wire.Receive())
				if _, err := fmt.Sscanf(event, `["n",%d]`, &n); err != nil {
					t.Fatalf("event %s: %v", event, err)
				}
				got[m][n/1000] = append(got[m][n/1000], n%1000)
			}
		}
	}
	say(0, each)
	take(each)
	loseDisk(t, ns, gateways, proxies)
	say(each, 2*each)
	for i, p := range proxies {
		p.Mend()
		await(t, "the log is ready", gateways[i].Cluster.LogReady)
		gateways[i].Stored(t)
	}
	say(2*each, 3*each)
	take(3 * each)
	for m := range got {
		for sender, numbers := range got[m] {
			for i, n := range numbers {
				if n != i {
					t.Fatalf("member %d has of sender %d: %v", m, sender, numbers)
				}
			}
		}
	}
	awaitRestarted(t, gateways...)
	for i, p := range members {
		p.Vanish()
		emit(t, gateways[0].IO.To("room"), "late", i)
		gateways[0].Stored(t)
		if !p.Connect(gateways[(i+1)%3]) {
			t.Fatal("not recovered from the new log")
		}
		p.Missed(fmt.Sprintf(`["late",%d]`, i))
		for _, other := range members[i+1:] {
			other.Expect(fmt.Sprintf(`["late",%d]`, i))
		}
	}
}

// What was stored and delivered, but not acknowledged when the log was lost, is stored again for
// those who have not got it, and delivered to nobody twice.
func TestWhatWasDeliveredBeforeTheLogWasLostIsNotDeliveredAgain(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	gateways, proxies := trioOf(t, ns)
	one, two := gateways[0], gateways[1]
	near, far := arrive(t, one, "room"), arrive(t, two, "room")
	proxies[0].Pause() // its clients' events are stored, and it does not hear of it
	for i := range 20 {
		emit(t, one.IO.To("room"), "n", i)
	}
	far.Expect(sequence(0, 20)...)
	loseDisk(t, ns, gateways, proxies)
	proxies[0].Resume()
	for _, p := range proxies {
		p.Mend()
	}
	await(t, "the log is ready", func() bool { return one.Cluster.LogReady() && two.Cluster.LogReady() })
	emit(t, one.IO.To("room"), "n", 20)
	near.Expect(sequence(0, 21)...)
	far.Expect(sequence(20, 21)...)
	if n := testutil.ToFloat64(two.Cluster.Log().Metrics().Repeated); n != 20 {
		t.Errorf("%v messages were left out, want 20", n)
	}
}

// A gateway that was cut off before the log was lost has not delivered all that was acknowledged.
// Its members are told; those of rooms where nothing is lost stay.
func TestMembersAreToldWhatWasLostWithTheLog(t *testing.T) {
	for name, lateFirst := range map[string]bool{"the one that knows comes first": false, "the one that knows comes last": true} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startRestartable(t)
			gateways, proxies := trioOf(t, ns)
			one, two := gateways[0], gateways[1]
			member, other := arrive(t, two, "room"), arrive(t, two, "calm")
			sender := arrive(t, one, "room")
			proxies[1].Cut()
			await(t, "the gateway notices", func() bool { return !two.Cluster.Connected() })
			emit(t, one.IO.To("room"), "n", 0)
			one.Stored(t)
			sender.Expect(`["n",0]`)
			loseDisk(t, ns, gateways, proxies)
			order := []int{0, 2, 1}
			if lateFirst {
				order = []int{1, 2, 0}
			}
			for _, i := range order {
				proxies[i].Mend()
				await(t, "the log is ready", gateways[i].Cluster.LogReady)
			}
			member.Wire.ExpectClosed()
			if member.Connect(one) {
				t.Error("recovered behind a gap")
			}
			awaitRestarted(t, gateways...)
			emit(t, one.IO.To("room", "calm"), "n", 1)
			for _, p := range []*person{other, sender} {
				p.Expect(`["n",1]`)
			}
			if n := testutil.ToFloat64(two.Cluster.Log().Metrics().Gaps.WithLabelValues(eventlog.GapRestarted)); n != 1 {
				t.Errorf("%v gaps are counted, want 1", n)
			}
		})
	}
}

// Nothing proves that a client has received the end of a log that was lost but an offset of the new
// one.
func TestAClientWithAnOffsetOfALostLogStartsAFreshSession(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	gateways, proxies := trioOf(t, ns)
	p := arrive(t, gateways[0], "room")
	emit(t, gateways[0].IO.To("room"), "n", 0)
	p.Expect(sequence(0, 1)...)
	old := p.Offset
	loseDisk(t, ns, gateways, proxies)
	for _, proxy := range proxies {
		proxy.Mend()
	}
	awaitRestarted(t, gateways...)
	emit(t, gateways[1].IO.To("room"), "n", 1)
	p.Expect(sequence(1, 2)...)
	if strings.Split(old, ".")[0] == strings.Split(p.Offset, ".")[0] {
		t.Fatalf("offset %s, then %s of another log", old, p.Offset)
	}
	p.Vanish()
	await(t, "the session is stored", func() bool { return gateways[0].Cluster.Log().Outbox().Waiting() == 0 })
	for offset, want := range map[string]bool{old: false, p.Offset: true} {
		p.Offset = offset
		session, err := gateways[1].IO.Of("/").Adapter().(socketio.SessionKeeper).Find(p.PID, offset)
		if err != nil {
			t.Fatal(err)
		}
		if found := session != nil; found != want {
			t.Errorf("offset %s finds a session: %t, want %t", offset, found, want)
		}
	}
}

// A busy gateway has not looked at all that came in when NATS goes away. If the log is lost with
// it, that comes from nowhere else.
func TestWhatCameInBeforeNATSWasLostIsDelivered(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	gateways, proxies := trioOf(t, ns)
	one, two := gateways[0], gateways[1]
	far := arrive(t, two, "room")
	busy, idle := make(chan struct{}), make(chan struct{})
	go func() {
		two.Cluster.Log().InLoop(func() {
			close(busy)
			<-idle
		})
	}()
	<-busy
	before := two.Cluster.Log().NATS().Stats().InMsgs
	for i := range 20 {
		emit(t, one.IO.To("room"), "n", i)
	}
	one.Stored(t)
	nc := two.Cluster.Log().NATS()
	await(t, "all has come in", func() bool { return nc.Stats().InMsgs >= before+20 })
	ns.Stop()
	await(t, "the gateway tries to connect again", nc.IsReconnecting)
	close(idle)
	far.Expect(sequence(0, 20)...)
	loseDisk(t, ns, gateways, proxies)
	for _, p := range proxies {
		p.Mend()
	}
	awaitRestarted(t, gateways...)
	emit(t, one.IO.To("room"), "n", 20)
	far.Expect(sequence(20, 21)...)
	if n := testutil.ToFloat64(two.Cluster.Log().Metrics().Gaps.WithLabelValues(eventlog.GapRestarted)); n != 0 {
		t.Errorf("%v gaps are counted", n)
	}
}

// A gateway that has just started has nothing of the log that was lost. Nobody waits for it.
func TestAGatewayThatNeverHadTheLostLogSaysSo(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	gateways, proxies := trioOf(t, ns)
	loseDisk(t, ns, gateways, proxies)
	fresh := recovering(t, ns.Server)
	for i := range proxies {
		proxies[i].Mend()
	}
	for _, g := range gateways {
		l := g.Cluster.Log()
		await(t, "the new gateway has said that it has nothing", func() bool {
			said := make(chan bool, 1)
			l.InLoop(func() { said <- l.HasMet(fresh.Cluster.ID()) })
			return <-said
		})
	}
	awaitRestarted(t, gateways...)
}

func TestALogIsMarkedOnce(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	l := recovering(t, ns).Cluster.Log()
	js, err := jetstream.New(l.NATS())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.MarkStart(t.Context(), js); err != nil { // as another gateway, which has found the stream empty too
		t.Fatal(err)
	}
	info, err := l.StreamInfo(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if info.State.LastSeq != eventlog.Start {
		t.Errorf("the log has %d messages, want its mark alone", info.State.LastSeq)
	}
}
