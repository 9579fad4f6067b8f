// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// connectedTo is the index of the server that a gateway is connected to.
func connectedTo(t *testing.T, trio *natstest.Trio, g *gateway) int {
	t.Helper()
	for i, url := range trio.URLs() {
		if strings.HasSuffix(url, g.Cluster.Log().NATS().ConnectedAddr()) {
			return i
		}
	}
	t.Fatalf("connected to %s, none of %v", g.Cluster.Log().NATS().ConnectedAddr(), trio.URLs())
	return -1
}

func TestOneNATSServerOfThreeStopsAndNothingIsLost(t *testing.T) {
	for _, which := range []string{"the gateway's", "the stream's leader", "another"} {
		t.Run(which, func(t *testing.T) {
			checkNothingIsLeft(t)
			trio := natstest.StartTrio(t)
			one, two := replicated(t, cluster.Options{URLs: trio.URLs()}), replicated(t, cluster.Options{URLs: trio.URLs()})
			near, far, lost := arrive(t, one, "room"), arrive(t, two, "room"), arrive(t, two, "room")
			victim := connectedTo(t, trio, one)
			switch which {
			case "the stream's leader":
				victim = trio.LeaderOf(one.Cluster.Log().Stream())
			case "another":
				victim = (victim + 1) % 3
			}
			var want []string
			say := func(n int) {
				for range n {
					emit(t, one.IO.To("room"), "n", len(want))
					want = append(want, fmt.Sprintf(`["n",%d]`, len(want)))
				}
			}
			say(50)
			lost.Vanish()
			trio.Stop(victim)
			say(50)
			near.Expect(want...)
			far.Expect(want...)
			await(t, "the log is ready", func() bool { return one.Cluster.LogReady() && two.Cluster.LogReady() })
			if connectedTo(t, trio, one) == victim {
				t.Error("the gateway is connected to a server that is no more")
			}
			if !lost.Connect(one) {
				t.Fatal("not recovered")
			}
			// Some came before it was lost, and were not read.
			first := lost.Take(lost.Wire.Receive())
			i := slices.Index(want[:51], first)
			if i < 0 {
				t.Fatalf("the first that was missed is %s", first)
			}
			lost.Missed(want[i+1:]...)
			trio.Start(victim)
			say(10)
			near.Expect(want[100:]...)
			far.Expect(want[100:]...)
		})
	}
}

func TestWithoutQuorumEventsWaitAndOtherRoomsGoOn(t *testing.T) {
	checkNothingIsLeft(t)
	trio := natstest.StartTrio(t)
	log := &lines{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.All())
		}
	})
	one := replicated(t, cluster.Options{URLs: trio.URLs(), Log: log.Logger()})
	survivor := connectedTo(t, trio, one)
	// The other one loses its server, and hears of the rest from it: who neither publishes nor
	// loses a server has nothing to notice.
	two := replicated(t, cluster.Options{URLs: []string{trio.URL((survivor + 1) % 3)}})
	near, far := arrive(t, one, "room"), arrive(t, two, "room")
	emit(t, one.IO.To("room"), "n", 0)
	near.Expect(`["n",0]`)
	far.Expect(`["n",0]`)

	trio.Stop((survivor + 1) % 3)
	trio.Stop((survivor + 2) % 3)
	var want []string
	for i := range 100 {
		emit(t, one.IO.To("room"), "n", i+1)
		want = append(want, fmt.Sprintf(`["n",%d]`, i+1))
	}
	await(t, "the gateways notice", func() bool { return !one.Cluster.LogReady() && !two.Cluster.LogReady() })
	await(t, "both are connected to the server that is left", func() bool { return one.Cluster.Connected() && two.Cluster.Connected() })
	await(t, "it is logged", func() bool { return log.Has("the log of events cannot be used") })
	if n := one.Cluster.Log().Outbox().Waiting(); n < 100 {
		t.Errorf("%d messages wait, want 100", n)
	}
	// Whoever waits for its event to be stored learns that it is not.
	var receipt socketio.Receipt
	emit(t, one.IO.To("room").Receipt(&receipt), "n", 101)
	want = append(want, `["n",101]`)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := receipt.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stored without quorum: %v", err)
	}
	// Core NATS goes on with one server: what is not to be stored reaches the other gateway.
	if err := two.Cluster.Log().NATS().Flush(); err != nil { // its subscriptions are with that server
		t.Fatal(err)
	}
	emit(t, one.IO.To("room").Volatile(), "v")
	far.Expect(`["v"]`)
	near.Expect(`["v"]`)

	// A client that comes back meanwhile waits for the quorum, and is recovered with it.
	far.Vanish()
	trio.Start((survivor + 1) % 3)
	await(t, "the stream has a leader", func() bool { return trio.LeaderOf(one.Cluster.Log().Stream()) >= 0 })
	far.Ask(two) // which knows nothing of that yet
	if !far.Answered(two) {
		t.Fatal("not recovered")
	}
	near.Expect(want...)
	far.Expect(want...)
	await(t, "the log is ready", func() bool { return one.Cluster.LogReady() && two.Cluster.LogReady() })
	await(t, "it is logged", func() bool { return log.Has("the log of events is ready") })
	emit(t, two.IO.To("room"), "end")
	near.Expect(`["end"]`) // nothing came twice
	far.Expect(`["end"]`)
	if n := one.Cluster.Log().Outbox().Waiting(); n != 0 {
		t.Errorf("%d messages wait", n)
	}
	trio.Start((survivor + 2) % 3)
}

// Those of three servers that are not the leader may be behind it, and answer too.
func TestWhatIsMissedIsWholeWhicheverServerTellsIt(t *testing.T) {
	checkNothingIsLeft(t)
	trio := natstest.StartTrio(t)
	one, two := replicated(t, cluster.Options{URLs: trio.URLs()}), replicated(t, cluster.Options{URLs: trio.URLs()})
	p := arrive(t, one, "room")
	for i := range 60 {
		p.Vanish()
		var want []string
		for n := range 10 {
			emit(t, one.IO.To("room"), "n", i, n)
			want = append(want, fmt.Sprintf(`["n",%d,%d]`, i, n))
		}
		one.Stored(t)
		if !p.Connect([]*gateway{two, one}[i%2]) {
			t.Fatal("not recovered")
		}
		p.Missed(want...)
	}
}
