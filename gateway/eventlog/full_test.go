// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// limit makes the bounds of what waits to be stored small.
func limit(g *gateway, messages, bytes int) {
	g.Cluster.Log().Outbox().SetBounds(messages, bytes)
}

func waitingBytes(g *gateway) int { return g.Cluster.Log().Outbox().WaitingBytes() }

func refusedOf(g *gateway) float64 { return testutil.ToFloat64(g.Cluster.Log().Metrics().Refused) }

func TestWhatIsBeyondTheBoundIsRefusedAndAllElseIsKept(t *testing.T) {
	for name, bound := range map[string]struct{ messages, bytes int }{
		"so many messages": {50, outbox.MaxBytes},
		"so many bytes":    {outbox.MaxMessages, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns, log := startRestartable(t), &lines{}
			one := recoveringWith(t, ns.Server, cluster.Options{Log: log.Logger()})
			limit(one, bound.messages, bound.bytes)
			two := recovering(t, ns.Server)
			near, far := arrive(t, one, "room"), arrive(t, two, "room")
			ns.Stop()
			await(t, "the gateways notice", func() bool { return !one.Cluster.LogReady() && !two.Cluster.LogReady() })
			var want []string
			err := error(nil)
			for err == nil {
				if err = one.IO.To("room").Emit("n", len(want), strings.Repeat("x", 80)); err == nil {
					want = append(want, fmt.Sprintf(`["n",%d,"%s"]`, len(want), strings.Repeat("x", 80)))
				}
			}
			if !errors.Is(err, outbox.ErrFull) {
				t.Fatalf("the error is %v", err)
			}
			waiting, bytes := one.Cluster.Log().Outbox().Waiting(), waitingBytes(one)
			if waiting != len(want) || waiting > bound.messages || bytes > bound.bytes || bytes < 80*waiting {
				t.Errorf("%d were taken, %d wait with %d bytes", len(want), waiting, bytes)
			}
			for range 1000 {
				if err := one.IO.To("room").Emit("n", -1, strings.Repeat("x", 80)); !errors.Is(err, outbox.ErrFull) {
					t.Fatalf("the error of a later one is %v", err)
				}
			}
			if n := one.Cluster.Log().Outbox().Waiting(); n != waiting {
				t.Errorf("%d wait, and %d before", n, waiting)
			}
			if got := refusedOf(one); got != 1001 {
				t.Errorf("%v are counted as refused", got)
			}
			if n := log.Count("too much waits"); n != 1 {
				t.Errorf("that is logged %d times", n)
			}
			emit(t, one.IO.To("room").Local(), "local")
			near.Expect(`["local"]`) // what is not stored goes on

			ns.Start()
			near.Expect(want...)
			far.Expect(want...)
			await(t, "it is logged", func() bool { return log.Has("all that waited for the log of events is stored") })
			if !log.Has("refused=1001") {
				t.Error("it is not logged how much was refused")
			}
			emit(t, one.IO.To("room"), "end")
			near.Expect(`["end"]`)
			far.Expect(`["end"]`)
		})
	}
}

func TestWhereEventsAreRefusedSessionsAreStillKept(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	limit(one, 10, outbox.MaxBytes)
	p := arrive(t, one, "room")
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	for range 10 {
		emit(t, one.IO.To("elsewhere"), "n")
	}
	p.Socket.SetData("as of the outage")
	p.Vanish()
	ns.Start()
	await(t, "the log is ready", func() bool { return one.Cluster.LogReady() && two.Cluster.LogReady() })
	one.Stored(t)
	if !p.Connect(two) || p.Socket.Data() != "as of the outage" {
		t.Errorf("recovered with %v", p.Socket.Data())
	}
}

// A client that is not answered may ask again and again. What there is no room for is answered at
// once, with an error.
func TestWhatWaitsForTheLogToAnswerIsBounded(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	limit(one, 50, outbox.MaxBytes)
	p := arrive(t, one, "room")
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	emit(t, one.IO.To("room"), "n")
	var stored, refused atomic.Int64
	for range 1000 {
		p.Socket.Settle(func(err error) {
			if err != nil {
				refused.Add(1)
			} else {
				stored.Add(1)
			}
		})
	}
	if n := stored.Load(); n != 0 {
		t.Errorf("%d are answered before anything is stored", n)
	}
	if n := refused.Load(); n != 950 {
		t.Errorf("%d are refused at once", n)
	}
	ns.Start()
	await(t, "those that there was room for are answered", func() bool { return stored.Load() == 50 })
	p.Settled()
	if stored, refused := stored.Load(), refused.Load(); stored != 50 || refused != 950 {
		t.Errorf("%d are answered, and %d refused", stored, refused)
	}
	if got := refusedOf(one); got != 950 {
		t.Errorf("%v are counted as refused", got)
	}
}

func TestALogWithoutRoomIsNotReadyUntilThereIsSome(t *testing.T) {
	for name, tt := range map[string]struct {
		limit func(t *testing.T, ns *natsserver.Server)
		store int64
		says  string
	}{
		"a full server":  {func(*testing.T, *natsserver.Server) {}, 256 << 10, "insufficient resources"},
		"a full account": {limitAccount, 0, "resource limits exceeded for account"},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: tt.store})
			tt.limit(t, ns)
			testALogWithoutRoom(t, ns, tt.says)
		})
	}
}

func testALogWithoutRoom(t *testing.T, ns *natsserver.Server, says string) {
	t.Helper()
	log := &lines{}
	one := recoveringWith(t, ns, cluster.Options{Log: log.Logger()})
	p := arrive(t, one, "room")
	var want []string
	for i := range 20 {
		text := strings.Repeat(string(rune('a'+i)), 30_000)
		emit(t, one.IO.To("room"), text)
		want = append(want, fmt.Sprintf(`["%s"]`, text))
	}
	await(t, "it is logged", func() bool { return log.Has(says) })
	if one.Cluster.LogReady() {
		t.Error("it is ready")
	}
	if n := log.Count("the log of events is ready"); n != 1 {
		t.Errorf("it was said to be ready %d times", n)
	}

	stop := purgeWhileSomethingWaits(t, one, ns)
	p.Expect(want...)
	await(t, "the log is ready", one.Cluster.LogReady)
	stop()
	emit(t, one.IO.To("room"), "end")
	p.Expect(`["end"]`)
	await(t, "nothing waits", func() bool { return one.Cluster.Log().Outbox().Waiting() == 0 })
}

// Near a full account small events fit where large ones do not. Each is stored in its place, or its
// sender is told that it is not.
func TestEventsKeepTheirOrderWhereTheLogIsNearlyFull(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	limitAccount(t, ns)
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	var receipts []*socketio.Receipt
	for i := range 60 {
		receipts = append(receipts, emitTo(one, t, "room", "n", i, strings.Repeat("x", 30_000*(i%3))))
	}
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	defer purgeWhileSomethingWaits(t, one, ns)()
	last := emitTo(one, t, "room", "end")
	if err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, receipt := range receipts {
		switch err := receipt.Wait(t.Context()); {
		case err == nil:
			want = append(want, fmt.Sprintf(`["n",%d,"%s"]`, i, strings.Repeat("x", 30_000*(i%3))))
		case !errors.Is(err, outbox.ErrOvertaken):
			t.Errorf("the outcome of event %d is %v", i, err)
		}
	}
	p.Expect(append(want, `["end"]`)...)
	await(t, "the log is ready", one.Cluster.LogReady)
}

// limitAccount gives the account of all connections room for 256 KiB.
func limitAccount(t *testing.T, ns *natsserver.Server) {
	t.Helper()
	limits := natsserver.JetStreamAccountLimits{MaxMemory: -1, MaxStore: 256 << 10, MaxStreams: -1, MaxConsumers: -1}
	if err := ns.GlobalAccount().UpdateJetStreamLimits(map[string]natsserver.JetStreamAccountLimits{"": limits}); err != nil {
		t.Fatal(err)
	}
}

// purgeWhileSomethingWaits makes room in the log again and again, as time would, until stop.
func purgeWhileSomethingWaits(t *testing.T, g *gateway, ns *natsserver.Server) (stop func()) {
	t.Helper()
	nc, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	purging, cancel := context.WithCancel(t.Context())
	purged := make(chan struct{})
	go func() {
		defer close(purged)
		for purging.Err() == nil {
			stream, err := js.Stream(purging, g.Cluster.Log().Stream())
			if err == nil && g.Cluster.Log().Outbox().Waiting() > 0 {
				err = stream.Purge(purging, jetstream.WithPurgeSubject(wire.EventRoot("default/chat")+">"))
			}
			if err != nil && purging.Err() == nil {
				t.Error(err)
			}
		}
	}()
	return func() {
		cancel()
		<-purged
		nc.Close()
	}
}
