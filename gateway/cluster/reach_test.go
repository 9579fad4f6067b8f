// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// fewPerSubject is how many messages of a subject the log keeps in tests of what is beyond.
const fewPerSubject = 20

// keepingFew is a gateway whose log keeps few messages of a subject, but enough of them that a client could be recovered.
func keepingFew(t *testing.T, url string, o Options) *gateway {
	t.Helper()
	o.URLs = []string{url}
	o.Registerer = prometheus.NewRegistry()
	o.Recovery = &Recovery{MaxDisconnection: time.Minute, MaxMessages: 1000, Detection: time.Second, perSubject: fewPerSubject}
	g := newGateway(t, o)
	await(t, "the log is ready", g.cluster.LogReady)
	return g
}

func TestAClientIsRecoveredOnlyIfTheLogStillHasAllThatItMissed(t *testing.T) {
	cases := map[string]struct {
		rooms  []string // to which most events go
		events int
		want   bool
	}{
		"its room, below the limit":           {[]string{"room"}, fewPerSubject - 2, true},
		"its room, beyond the limit":          {[]string{"room"}, fewPerSubject, false},
		"other rooms together, below":         {[]string{"p", "q"}, fewPerSubject - 2, true},
		"other rooms together, beyond":        {[]string{"p", "q"}, fewPerSubject, false},
		"another room, which has no part":     {[]string{"p"}, 2 * fewPerSubject, true},
		"its room, several times the limit":   {[]string{"room"}, 3 * fewPerSubject, false},
		"itself and another, below the limit": {[]string{"room", "p"}, fewPerSubject - 2, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := keepingFew(t, ns.ClientURL(), Options{}), keepingFew(t, ns.ClientURL(), Options{})
			p := arrive(t, one, "room", "other")
			p.vanish()
			emit(t, two.io.To("room", "x"), "for you")
			var want []string
			for i := range c.events {
				emit(t, two.io.To(c.rooms...), "n", i)
				if c.rooms[0] == "room" {
					want = append(want, fmt.Sprintf(`["n",%d]`, i))
				}
			}
			two.stored(t)
			if recovered := p.connect(two); recovered != c.want {
				t.Fatalf("recovered %t, want %t", recovered, c.want)
			}
			result := "log_trimmed"
			if c.want {
				result = "recovered"
				p.missed(append([]string{`["for you"]`}, want...)...)
			}
			if n := testutil.ToFloat64(two.cluster.metrics.recoveries.WithLabelValues(result)); n != 1 {
				t.Errorf("%v recoveries are counted as %s, want 1", n, result)
			}
		})
	}
}

// What only the leader of the stream has may have lost messages in front of it, too.
func TestTheLeaderTellsWhetherMessagesAreMissing(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := keepingFew(t, ns.ClientURL(), Options{})
	l := one.cluster.events
	for i := range 2 * fewPerSubject {
		emit(t, one.io.To("busy"), "n", i)
		emit(t, one.io.To("calm"), "n", i/fewPerSubject)
	}
	for i := range fewPerSubject - 1 {
		emit(t, one.io.To("few"), "n", i)
	}
	one.stored(t)
	subject := func(room string) string { return storedRoom(room) }
	first, err := l.getFromLeader(t.Context(), messageGet{Sequence: 1, Next: subject("busy")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		room    string
		from    uint64
		missing bool
	}{
		{"busy", 1, true},
		{"busy", first.number, true}, // the one before it is gone
		{"busy", first.number + 1, false},
		{"busy", maxNumber - 2*fewPerSubject, false},
		{"few", 1, false},
		{"nobody", 1, false},
	} {
		err := l.verifyLeader(t.Context(), subject(c.room), c.from, max(c.from, first.number))
		if missing := errors.Is(err, errTrimmed); missing != c.missing || !missing && err != nil {
			t.Errorf("%s from %d: %v, want missing %t", c.room, c.from, err, c.missing)
		}
	}
}

// Since the limit of messages was raised, fewer may have been kept until then.
func TestARaisedLimitCountsOnlyAfterTheRetention(t *testing.T) {
	now := time.Now()
	ms := func(d time.Duration) string { return fmt.Sprint(now.Add(d).UnixMilli()) }
	for since, want := range map[string]bool{
		limitFromStart: true, ms(-time.Hour): true, ms(-time.Second): false, ms(time.Hour): false, "": false, "soon": false,
	} {
		if got := limitHolds(since, now.Add(-time.Minute)); got != want {
			t.Errorf("since %q: %t, want %t", since, got, want)
		}
	}
}

func TestAGatewayOfAnEarlierReleaseTakesBackTheRaisedLimit(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	l := one.cluster.events
	inForce := func() int64 {
		t.Helper()
		limit, err := l.limits.inForce(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		return limit
	}
	if got := inForce(); got != logPerSubject {
		t.Errorf("a new stream keeps %d messages, want %d", got, logPerSubject)
	}
	js, err := jetstream.New(one.cluster.nc)
	if err != nil {
		t.Fatal(err)
	}
	earlier := l.streamConfig("")
	earlier.MaxMsgsPerSubject, earlier.Metadata = earlierPerSubject, nil
	if _, err := js.CreateOrUpdateStream(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	if got := inForce(); got != earlierPerSubject {
		t.Errorf("an earlier release has set the limit, and %d messages count, want %d", got, earlierPerSubject)
	}
	if err := l.ensureStream(t.Context(), &streamState{}); err != nil {
		t.Fatal(err)
	}
	if got := inForce(); got != earlierPerSubject {
		t.Errorf("the limit has just been raised, and %d messages count, want %d", got, earlierPerSubject)
	}
}

func TestMembersAreToldWhatTheirGatewayHasMissedForGood(t *testing.T) {
	for name, rooms := range map[string][]string{"a room": {"busy"}, "several rooms": {"busy", "x"}} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			proxy := natstest.NewProxy(t, ns.ClientURL())
			one, two := keepingFew(t, ns.ClientURL(), Options{}), keepingFew(t, proxy.URL(), Options{})
			member, other := arrive(t, two, "busy"), arrive(t, two, "calm")
			all := len(rooms) > 1 // then nobody in the namespace knows whether it was meant
			proxy.Cut()
			await(t, "the gateway notices", func() bool { return !two.cluster.Connected() })
			for i := range 2 * fewPerSubject {
				emit(t, one.io.To(rooms...), "n", i)
			}
			emit(t, one.io.To("calm"), "calm")
			one.stored(t)
			proxy.Mend()
			member.Wire.ExpectClosed()
			if member.connect(two) {
				t.Error("recovered behind a gap")
			}
			if all {
				other.Wire.ExpectClosed()
			} else {
				other.Expect(`["calm"]`)
			}
			if n := testutil.ToFloat64(two.cluster.metrics.gaps.WithLabelValues(gapTrimmed)); n != 1 {
				t.Errorf("%v gaps are counted, want 1", n)
			}
		})
	}
}

func TestAGatewayThatWasCutOffBelowTheLimitMissesNothing(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one, two := keepingFew(t, ns.ClientURL(), Options{}), keepingFew(t, proxy.URL(), Options{})
	member := arrive(t, two, "busy")
	proxy.Cut()
	await(t, "the gateway notices", func() bool { return !two.cluster.Connected() })
	var want []string
	for i := range fewPerSubject - 1 {
		emit(t, one.io.To("busy"), "n", i)
		want = append(want, fmt.Sprintf(`["n",%d]`, i))
	}
	one.stored(t)
	proxy.Mend()
	member.Expect(want...)
}

// What the log kept only until the gateway was back is lost to those who are connected to it.
func TestMembersAreToldWhenTheirGatewayWasCutOffForTooLong(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := recovering(t, ns)
	two := newGateway(t, Options{URLs: []string{proxy.URL()}, Recovery: &Recovery{MaxDisconnection: time.Second, MaxMessages: 100}})
	await(t, "the log is ready", two.cluster.LogReady)
	member := arrive(t, two, "room")
	proxy.Cut()
	cut := time.Now()
	emit(t, one.io.To("room"), "n", 1)
	one.stored(t)
	keeps := two.cluster.events.recovery.retention() - retentionSlack
	await(t, "it is cut off for longer than the log keeps events", func() bool { return time.Since(cut) > keeps+probeInterval })
	proxy.Mend()
	member.Wire.ExpectClosed()
}

func TestAGapThatCannotBeReadIsFilledLater(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	emit(t, one.io.To("room"), "n", 1)
	p.Expect(`["n",1]`)
	swallow(t, two, "room", func() { emit(t, one.io.To("room"), "n", 2); one.stored(t) })
	refuseDirectGets(t, one)
	emit(t, one.io.To("room"), "n", 3)
	p.Expect(`["n",2]`, `["n",3]`)
}

// swallow has a gateway not hear of a room while something is done, and not know of that, as when a message is lost on a route
// between two NATS servers.
func swallow(t *testing.T, g *gateway, room string, do func()) {
	t.Helper()
	a := g.cluster.adapterOf(wire.NewSubjects("default/chat", "/").Prefix + ".x")
	subject := a.subjects.Room(room)
	a.interest.mu.Lock()
	defer a.interest.mu.Unlock()
	s := a.interest.subs[subject]
	if err := s.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := g.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	do()
	var err error
	if s.sub, err = g.cluster.nc.ChanSubscribe(subject, g.cluster.incoming.in); err != nil {
		t.Fatal(err)
	}
	if err := g.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// refuseDirectGets has the stream answer none, until a gateway makes sure of the stream again.
func refuseDirectGets(t *testing.T, g *gateway) {
	t.Helper()
	js, err := jetstream.New(g.cluster.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), g.cluster.events.stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.AllowDirect = false
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

// A gateway that has watched a room, and one that reads the log for it, give the same answer.
func TestGatewaysAgreeOnAHistoryThatTheLogHasDropped(t *testing.T) {
	for name, then := range map[string][]string{"its own events": {"kept"}, "events to several other rooms": {"p", "q"}} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := keepingFew(t, ns.ClientURL(), Options{}), keepingFew(t, ns.ClientURL(), Options{})
			for _, g := range []*gateway{one, two} {
				SetRoomPolicy(g.io.Of("/").Adapter(), func(room string) RoomPolicy {
					return RoomPolicy{HistoryMessages: 1000, HistoryAge: time.Hour, HistoryOnJoin: room == "kept"}
				})
			}
			history := func(g *gateway) (events []string) {
				t.Helper()
				past, err := History(t.Context(), g.io.Of("/").Adapter(), "kept", 0, 1000, 1<<30)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range past {
					events = append(events, e.Event+string(e.Args.JSON))
				}
				return events
			}
			watcher := arrive(t, one)
			watcher.socket.Join("kept")
			emit(t, one.io.To("kept"), "own", 0)
			emit(t, one.io.To("kept", "x"), "several", 0)
			for i := range 2 * fewPerSubject {
				emit(t, one.io.To(then...), "n", i)
			}
			emit(t, one.io.To("kept"), "own", 1)
			one.stored(t)
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

// A log with a limit in bytes refuses what is new, and still drops the oldest of a subject that is at its limit.
func TestALogThatIsFullRefusesWhatIsNew(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) []string{
		"one server":    func(t *testing.T) []string { return []string{startJetStream(t).ClientURL()} },
		"three servers": func(t *testing.T) []string { return natstest.StartTrio(t).URLs() },
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			urls := start(t)
			const size = 1000
			one := newGateway(t, Options{URLs: urls, Recovery: &Recovery{
				MaxDisconnection: time.Minute, MaxMessages: 100, perSubject: fewPerSubject, MaxBytes: 3 * fewPerSubject * size, Replicas: len(urls),
			}})
			await(t, "the log is ready", one.cluster.LogReady)
			text := strings.Repeat("x", size)
			for range 10 * fewPerSubject { // at the limit of the subject, and never at that of the log
				emit(t, one.io.To("one"), text)
			}
			one.stored(t)
			for i := range 3 * fewPerSubject {
				emit(t, one.io.To(fmt.Sprint("room", i)), text)
			}
			await(t, "the log is full", func() bool { return !one.cluster.LogReady() })
			info, err := one.cluster.events.streamInfo(t.Context(), storedRoom("one"))
			if err != nil {
				t.Fatal(err)
			}
			if got := int64(info.State.Bytes); got > info.Config.MaxBytes {
				t.Errorf("the log has %d bytes, more than %d", got, info.Config.MaxBytes)
			}
			for subject, n := range info.State.Subjects {
				if n != fewPerSubject {
					t.Errorf("%d messages of %s are left, want %d", n, subject, fewPerSubject)
				}
			}
		})
	}
}

// storedRoom is where events for a room of the main namespace are stored.
func storedRoom(room string) string {
	s := wire.NewSubjects("default/chat", "/")
	return s.Stored(s.Room(room))
}
