// SPDX-License-Identifier: Apache-2.0

package cluster

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

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// limit makes the bounds of what waits to be stored small.
func (g *gateway) limit(messages, bytes int) {
	g.cluster.events.out.SetBounds(messages, bytes)
}

func (g *gateway) waitingBytes() int { return g.cluster.events.out.WaitingBytes() }

func (g *gateway) refused() float64 { return testutil.ToFloat64(g.cluster.metrics.refused) }

func TestWhatIsBeyondTheBoundIsRefusedAndAllElseIsKept(t *testing.T) {
	for name, bound := range map[string]struct{ messages, bytes int }{
		"so many messages": {50, outbox.MaxBytes},
		"so many bytes":    {outbox.MaxMessages, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns, log := startRestartable(t), &lines{}
			one := recoveringWith(t, ns.Server, Options{Log: log.logger()})
			one.limit(bound.messages, bound.bytes)
			two := recovering(t, ns.Server)
			near, far := arrive(t, one, "room"), arrive(t, two, "room")
			ns.stop()
			await(t, "the gateways notice", func() bool { return !one.cluster.LogReady() && !two.cluster.LogReady() })
			var want []string
			err := error(nil)
			for err == nil {
				if err = one.io.To("room").Emit("n", len(want), strings.Repeat("x", 80)); err == nil {
					want = append(want, fmt.Sprintf(`["n",%d,"%s"]`, len(want), strings.Repeat("x", 80)))
				}
			}
			if !errors.Is(err, outbox.ErrFull) {
				t.Fatalf("the error is %v", err)
			}
			waiting, bytes := one.cluster.events.out.Waiting(), one.waitingBytes()
			if waiting != len(want) || waiting > bound.messages || bytes > bound.bytes || bytes < 80*waiting {
				t.Errorf("%d were taken, %d wait with %d bytes", len(want), waiting, bytes)
			}
			for range 1000 {
				if err := one.io.To("room").Emit("n", -1, strings.Repeat("x", 80)); !errors.Is(err, outbox.ErrFull) {
					t.Fatalf("the error of a later one is %v", err)
				}
			}
			if n := one.cluster.events.out.Waiting(); n != waiting {
				t.Errorf("%d wait, and %d before", n, waiting)
			}
			if got := one.refused(); got != 1001 {
				t.Errorf("%v are counted as refused", got)
			}
			if n := log.count("too much waits"); n != 1 {
				t.Errorf("that is logged %d times", n)
			}
			emit(t, one.io.To("room").Local(), "local")
			near.Expect(`["local"]`) // what is not stored goes on

			ns.start()
			near.Expect(want...)
			far.Expect(want...)
			await(t, "it is logged", func() bool { return log.has("all that waited for the log of events is stored") })
			if !log.has("refused=1001") {
				t.Error("it is not logged how much was refused")
			}
			emit(t, one.io.To("room"), "end")
			near.Expect(`["end"]`)
			far.Expect(`["end"]`)
		})
	}
}

func TestWhereEventsAreRefusedSessionsAreStillKept(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	one.limit(10, outbox.MaxBytes)
	p := arrive(t, one, "room")
	ns.stop()
	await(t, "the gateway notices", func() bool { return !one.cluster.LogReady() })
	for range 10 {
		emit(t, one.io.To("elsewhere"), "n")
	}
	p.socket.SetData("as of the outage")
	p.vanish()
	ns.start()
	await(t, "the log is ready", func() bool { return one.cluster.LogReady() && two.cluster.LogReady() })
	one.stored(t)
	if !p.connect(two) || p.socket.Data() != "as of the outage" {
		t.Errorf("recovered with %v", p.socket.Data())
	}
}

// A client that is not answered may ask again and again. What there is no room for is answered at
// once, with an error.
func TestWhatWaitsForTheLogToAnswerIsBounded(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	one.limit(50, outbox.MaxBytes)
	p := arrive(t, one, "room")
	ns.stop()
	await(t, "the gateway notices", func() bool { return !one.cluster.LogReady() })
	emit(t, one.io.To("room"), "n")
	var stored, refused atomic.Int64
	for range 1000 {
		p.socket.Settle(func(err error) {
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
	ns.start()
	await(t, "those that there was room for are answered", func() bool { return stored.Load() == 50 })
	p.settled()
	if stored, refused := stored.Load(), refused.Load(); stored != 50 || refused != 950 {
		t.Errorf("%d are answered, and %d refused", stored, refused)
	}
	if got := one.refused(); got != 950 {
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
	one := recoveringWith(t, ns, Options{Log: log.logger()})
	p := arrive(t, one, "room")
	var want []string
	for i := range 20 {
		text := strings.Repeat(string(rune('a'+i)), 30_000)
		emit(t, one.io.To("room"), text)
		want = append(want, fmt.Sprintf(`["%s"]`, text))
	}
	await(t, "it is logged", func() bool { return log.has(says) })
	if one.cluster.LogReady() {
		t.Error("it is ready")
	}
	if n := log.count("the log of events is ready"); n != 1 {
		t.Errorf("it was said to be ready %d times", n)
	}

	stop := purgeWhileSomethingWaits(t, one, ns)
	p.Expect(want...)
	await(t, "the log is ready", one.cluster.LogReady)
	stop()
	emit(t, one.io.To("room"), "end")
	p.Expect(`["end"]`)
	await(t, "nothing waits", func() bool { return one.cluster.events.out.Waiting() == 0 })
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
		receipts = append(receipts, one.emitTo(t, "room", "n", i, strings.Repeat("x", 30_000*(i%3))))
	}
	await(t, "the gateway notices", func() bool { return !one.cluster.LogReady() })
	defer purgeWhileSomethingWaits(t, one, ns)()
	last := one.emitTo(t, "room", "end")
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
	await(t, "the log is ready", one.cluster.LogReady)
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
			stream, err := js.Stream(purging, g.cluster.events.stream)
			if err == nil && g.cluster.events.out.Waiting() > 0 {
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
