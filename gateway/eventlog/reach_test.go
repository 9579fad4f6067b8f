// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// fewPerSubject is how many messages of a subject the log keeps in tests of what is beyond.
const fewPerSubject = 20

// keepingFew is a gateway whose log keeps few messages of a subject, but enough of them that a
// client could be recovered.
func keepingFew(t *testing.T, url string, o cluster.Options) *gateway {
	t.Helper()
	o.URLs = []string{url}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	o.Recovery = &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 1000, Detection: time.Second, MaxPerSubject: fewPerSubject}
	g := newGateway(t, o)
	await(t, "the log is ready", g.Cluster.LogReady)
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
			metrics := prometheus.NewRegistry()
			one, two := keepingFew(t, ns.ClientURL(), cluster.Options{}), keepingFew(t, ns.ClientURL(), cluster.Options{Registerer: metrics})
			p := arrive(t, one, "room", "other")
			p.Vanish()
			emit(t, two.IO.To("room", "x"), "for you")
			var want []string
			for i := range c.events {
				emit(t, two.IO.To(c.rooms...), "n", i)
				if c.rooms[0] == "room" {
					want = append(want, fmt.Sprintf(`["n",%d]`, i))
				}
			}
			two.Stored(t)
			if recovered := p.Connect(two); recovered != c.want {
				t.Fatalf("recovered %t, want %t", recovered, c.want)
			}
			result := "log_trimmed"
			if c.want {
				result = "recovered"
				p.Missed(append([]string{`["for you"]`}, want...)...)
			}
			if n := recoveries(t, metrics, result); n != 1 {
				t.Errorf("%v recoveries are counted as %s, want 1", n, result)
			}
		})
	}
}

// What only the leader of the stream has may have lost messages in front of it, too.
func TestTheLeaderTellsWhetherMessagesAreMissing(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := keepingFew(t, ns.ClientURL(), cluster.Options{})
	l := one.Cluster.Log()
	for i := range 2 * fewPerSubject {
		emit(t, one.IO.To("busy"), "n", i)
		emit(t, one.IO.To("calm"), "n", i/fewPerSubject)
	}
	for i := range fewPerSubject - 1 {
		emit(t, one.IO.To("few"), "n", i)
	}
	one.Stored(t)
	first, err := l.Next(t.Context(), storedRoom("busy"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		room    string
		from    uint64
		missing bool
	}{
		{"busy", 1, true},
		{"busy", first.Sequence, true}, // the one before it is gone
		{"busy", first.Sequence + 1, false},
		{"busy", eventlog.End - 2*fewPerSubject, false},
		{"few", 1, false},
		{"nobody", 1, false},
	} {
		err := l.VerifyLeader(t.Context(), storedRoom(c.room), c.from, max(c.from, first.Sequence))
		if missing := errors.Is(err, eventlog.ErrTrimmed); missing != c.missing || !missing && err != nil {
			t.Errorf("%s from %d: %v, want missing %t", c.room, c.from, err, c.missing)
		}
	}
}

func TestAGatewayOfAnEarlierReleaseTakesBackTheRaisedLimit(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one := recovering(t, ns)
	l := one.Cluster.Log()
	inForce := func() int64 {
		t.Helper()
		limit, err := l.LimitInForce(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return limit
	}
	if got := inForce(); got != eventlog.PerSubject {
		t.Errorf("a new stream keeps %d messages, want %d", got, eventlog.PerSubject)
	}
	js, err := jetstream.New(one.Cluster.Log().NATS())
	if err != nil {
		t.Fatal(err)
	}
	earlier := l.StreamConfig("")
	earlier.MaxMsgsPerSubject, earlier.Metadata = eventlog.EarlierPerSubject, nil
	if _, err := js.CreateOrUpdateStream(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	if got := inForce(); got != eventlog.EarlierPerSubject {
		t.Errorf("an earlier release has set the limit, and %d messages count, want %d", got, eventlog.EarlierPerSubject)
	}
	if err := l.EnsureStream(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := inForce(); got != eventlog.EarlierPerSubject {
		t.Errorf("the limit has just been raised, and %d messages count, want %d", got, eventlog.EarlierPerSubject)
	}
}

func TestMembersAreToldWhatTheirGatewayHasMissedForGood(t *testing.T) {
	for name, rooms := range map[string][]string{"a room": {"busy"}, "several rooms": {"busy", "x"}} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			proxy := natstest.NewProxy(t, ns.ClientURL())
			one, two := keepingFew(t, ns.ClientURL(), cluster.Options{}), keepingFew(t, proxy.URL(), cluster.Options{})
			member, other := arrive(t, two, "busy"), arrive(t, two, "calm")
			all := len(rooms) > 1 // then nobody in the namespace knows whether it was meant
			proxy.Cut()
			await(t, "the gateway notices", func() bool { return !two.Cluster.Connected() })
			for i := range 2 * fewPerSubject {
				emit(t, one.IO.To(rooms...), "n", i)
			}
			emit(t, one.IO.To("calm"), "calm")
			one.Stored(t)
			proxy.Mend()
			member.Wire.ExpectClosed()
			if member.Connect(two) {
				t.Error("recovered behind a gap")
			}
			if all {
				other.Wire.ExpectClosed()
			} else {
				other.Expect(`["calm"]`)
			}
			if n := testutil.ToFloat64(two.Cluster.Log().Metrics().Gaps.WithLabelValues(eventlog.GapTrimmed)); n != 1 {
				t.Errorf("%v gaps are counted, want 1", n)
			}
		})
	}
}

func TestAGatewayThatWasCutOffBelowTheLimitMissesNothing(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one, two := keepingFew(t, ns.ClientURL(), cluster.Options{}), keepingFew(t, proxy.URL(), cluster.Options{})
	member := arrive(t, two, "busy")
	proxy.Cut()
	await(t, "the gateway notices", func() bool { return !two.Cluster.Connected() })
	var want []string
	for i := range fewPerSubject - 1 {
		emit(t, one.IO.To("busy"), "n", i)
		want = append(want, fmt.Sprintf(`["n",%d]`, i))
	}
	one.Stored(t)
	proxy.Mend()
	member.Expect(want...)
}

// What the log kept only until the gateway was back is lost to those who are connected to it.
func TestMembersAreToldWhenTheirGatewayWasCutOffForTooLong(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := recovering(t, ns)
	two := newGateway(t, cluster.Options{URLs: []string{proxy.URL()}, Recovery: &cluster.Recovery{MaxDisconnection: time.Second, MaxMessages: 100}})
	await(t, "the log is ready", two.Cluster.LogReady)
	member := arrive(t, two, "room")
	proxy.Cut()
	cut := time.Now()
	emit(t, one.IO.To("room"), "n", 1)
	one.Stored(t)
	keeps := two.Cluster.Log().Config().Retention
	await(t, "it is cut off for longer than the log keeps events", func() bool { return time.Since(cut) > keeps+eventlog.ProbeInterval })
	proxy.Mend()
	member.Wire.ExpectClosed()
}

// A log with a limit in bytes refuses what is new, and still drops the oldest of a subject that is
// at its limit.
func TestALogThatIsFullRefusesWhatIsNew(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) []string{
		"one server":    func(t *testing.T) []string { return []string{startJetStream(t).ClientURL()} },
		"three servers": func(t *testing.T) []string { return natstest.StartTrio(t).URLs() },
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			urls := start(t)
			const size = 1000
			one := newGateway(t, cluster.Options{URLs: urls, Recovery: &cluster.Recovery{
				MaxDisconnection: time.Minute, MaxMessages: 100, MaxPerSubject: fewPerSubject, MaxBytes: 3 * fewPerSubject * size, Replicas: len(urls),
			}})
			await(t, "the log is ready", one.Cluster.LogReady)
			text := strings.Repeat("x", size)
			for range 10 * fewPerSubject { // at the limit of the subject, and never at that of the log
				emit(t, one.IO.To("one"), text)
			}
			one.Stored(t)
			for i := range 3 * fewPerSubject {
				emit(t, one.IO.To(fmt.Sprint("room", i)), text)
			}
			await(t, "the log is full", func() bool { return !one.Cluster.LogReady() })
			info, err := one.Cluster.Log().StreamInfo(t.Context(), storedRoom("one"))
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

// recoveries is how many sessions are counted with a result.
func recoveries(t *testing.T, from prometheus.Gatherer, result string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "realtime_recoveries_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
