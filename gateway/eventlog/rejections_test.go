// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func rejected(g *gateway, reason string) float64 {
	return testutil.ToFloat64(g.Cluster.Log().Metrics().Rejected.WithLabelValues(reason))
}

// emitTo emits to a room, and returns the receipt.
func emitTo(g *gateway, t *testing.T, room, event string, values ...any) *socketio.Receipt {
	t.Helper()
	receipt := new(socketio.Receipt)
	emit(t, g.IO.To(room).Receipt(receipt), event, values...)
	return receipt
}

// takesUpTo has the stream reject larger messages.
func takesUpTo(g *gateway, t *testing.T, size int32) {
	t.Helper()
	js, err := jetstream.New(g.Cluster.Log().NATS())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), g.Cluster.Log().Stream())
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxMsgSize = size
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestWhatJetStreamRejectsIsToldToWhomItConcernsAndLoggedOnce(t *testing.T) {
	checkNothingIsLeft(t)
	ns, log := startJetStream(t), &lines{}
	one := recoveringWith(t, ns, cluster.Options{Log: log.Logger()})
	p := arrive(t, one, "room")
	p.Settled()
	takesUpTo(one, t, 2000)
	for i := range 20 {
		large, small := emitTo(one, t, "room", "large", strings.Repeat("x", 3000)), emitTo(one, t, "room", "small", i)
		if err := large.Wait(t.Context()); !eventlog.IsTooLarge(err) {
			t.Errorf("the outcome of a large event is %v", err)
		}
		if err := small.Wait(t.Context()); err != nil {
			t.Errorf("the outcome of a small event is %v", err)
		}
		p.Settled() // its socket has changed nothing
		p.Expect(fmt.Sprintf(`["small",%d]`, i))
	}
	if got := rejected(one, eventlog.ReasonSize); got != 20 {
		t.Errorf("%v are counted as rejected for their size", got)
	}
	if n := log.Count("a message was not stored and never will be"); n != 1 {
		t.Errorf("that is logged %d times", n)
	}
	await(t, "nothing waits", func() bool { return one.Cluster.Log().Outbox().Waiting() == 0 })
}

func TestASessionThatJetStreamRejectsIsToldToItsClient(t *testing.T) {
	checkNothingIsLeft(t)
	ns, log := startJetStream(t), &lines{}
	one := recoveringWith(t, ns, cluster.Options{Log: log.Logger()})
	p := arrive(t, one, "room")
	p.Settled()
	takesUpTo(one, t, 2000)
	p.Socket.SetData(strings.Repeat("x", 3000))
	outcome := make(chan error, 1)
	p.Socket.Settle(func(err error) { outcome <- err })
	if err := <-outcome; !eventlog.IsTooLarge(err) {
		t.Errorf("the outcome of data that are not stored is %v", err)
	}
	if !log.Has("a message was not stored and never will be") || log.Has(wire.Token(p.PID)) {
		t.Errorf("the log is to tell of it without the session's private id:\n%s", log.All())
	}
	p.Socket.SetData("little")
	p.Settled()
}

// The bound is NATS's max_payload for the message with its headers, to the byte, and no other while
// the connection is lost.
func TestEventsUpToTheBoundOfNATSAreStoredAndLargerOnesFailAtOnce(t *testing.T) {
	for name, away := range map[string]bool{"with NATS": false, "while NATS is away": true} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startRestartable(t)
			ns.Stop()
			ns.Options.MaxPayload = 4096
			ns.Start()
			one, two := recovering(t, ns.Server), recovering(t, ns.Server)
			near, far := arrive(t, one, "room"), arrive(t, two, "room")
			one.Stored(t)
			if away {
				ns.Stop()
				await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() && !two.Cluster.LogReady() })
			}
			var receipts []*socketio.Receipt
			var want []string
			for size := 3900; size <= 4096; size++ {
				receipt, text := new(socketio.Receipt), strings.Repeat("x", size)
				switch err := one.IO.To("room").Receipt(receipt).Emit("n", text); {
				case err == nil && size == 3900+len(want):
					receipts, want = append(receipts, receipt), append(want, `["n","`+text+`"]`)
				case !eventlog.IsTooLarge(err):
					t.Fatalf("the error for %d bytes is %v", size, err)
				case receipt.Wait(t.Context()) == nil:
					t.Errorf("the receipt for %d bytes that were refused says that they are stored", size)
				}
			}
			if away {
				ns.Start()
			}
			for i, receipt := range receipts {
				if err := receipt.Wait(t.Context()); err != nil {
					t.Errorf("the outcome for %d bytes is %v", 3900+i, err)
				}
			}
			near.Expect(want...)
			far.Expect(want...)
			await(t, "nothing waits", func() bool { return one.Cluster.Log().Outbox().Waiting() == 0 })
			if got := largestStored(one, t); got != 4096 {
				t.Errorf("the largest message has %d bytes with its headers", got)
			}
		})
	}
}

// largestStored is the size of the largest message of the log, with its headers.
func largestStored(g *gateway, t *testing.T) (size int) {
	t.Helper()
	js, err := jetstream.New(g.Cluster.Log().NATS())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), g.Cluster.Log().Stream())
	if err != nil {
		t.Fatal(err)
	}
	info := stream.CachedInfo().State
	for n := info.FirstSeq; n <= info.LastSeq; n++ {
		msg, err := stream.GetMsg(t.Context(), n)
		if errors.Is(err, jetstream.ErrMsgNotFound) { // a session's record that another one has replaced
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, added := range []string{jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer} {
			msg.Header.Del(added) // by the stream's answer (NATS ADR-31)
		}
		whole := nats.Msg{Header: msg.Header, Data: msg.Data}
		size = max(size, whole.Size())
	}
	return size
}

// An event may have been taken when NATS carried more than it does when it is back.
func TestWhatNATSDoesNotCarryAnyMoreHoldsUpNothing(t *testing.T) {
	for name, tt := range map[string]struct{ oneBySubject, others bool }{
		"alone":                              {},
		"before others":                      {others: true},
		"before others, one of a subject":    {oneBySubject: true, others: true},
		"alone, with one message of subject": {oneBySubject: true},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startRestartable(t)
			one := newGateway(t, cluster.Options{URLs: []string{ns.ClientURL()}, Recovery: &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100}})
			out := one.Cluster.Log().Outbox()
			out.SetOneBySubject(tt.oneBySubject)
			await(t, "the log is ready", one.Cluster.LogReady)
			p := arrive(t, one, "room")
			p.Settled()
			ns.Stop()
			await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })

			large := emitTo(one, t, "room", "large", strings.Repeat("x", 60_000))
			var small []*socketio.Receipt
			for i := range 10 {
				if tt.others {
					small = append(small, emitTo(one, t, "room", "small", i))
				}
			}
			settled := make(chan error, 1)
			p.Socket.Settle(func(err error) { settled <- err })
			ns.Options.MaxPayload = 32 << 10
			ns.Start()
			if err := large.Wait(t.Context()); !eventlog.IsTooLarge(err) {
				t.Errorf("the outcome is %v", err)
			}
			for i, receipt := range small {
				if err := receipt.Wait(t.Context()); err != nil {
					t.Errorf("the outcome of another is %v", err)
				}
				p.Expect(fmt.Sprintf(`["small",%d]`, i))
			}
			if err := <-settled; err != nil {
				t.Errorf("the socket's changes are not stored: %v", err)
			}
			await(t, "the log is ready", one.Cluster.LogReady)
			await(t, "nothing waits", func() bool { return out.Waiting() == 0 })
			if got := rejected(one, eventlog.ReasonSize); got != 1 {
				t.Errorf("%v are counted as rejected", got)
			}
		})
	}
}

// All who wait for the log are told when the gateway ends, and nobody who comes later waits.
func TestWhatIsNotStoredWhenTheGatewayEndsIsToldToHaveFailed(t *testing.T) {
	checkNothingIsLeft(t)
	ns, log := startRestartable(t), &lines{}
	one := recoveringWith(t, ns.Server, cluster.Options{Log: log.Logger()})
	p := arrive(t, one, "room")
	p.Settled()
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	var receipts []*socketio.Receipt
	for i := range 10 {
		receipts = append(receipts, emitTo(one, t, "room", "n", i))
	}
	p.Socket.SetData("of a session that changes")
	settled := make(chan error, 2)
	p.Socket.Settle(func(err error) { settled <- err })

	one.Cluster.Close()
	for _, receipt := range receipts {
		if err := receipt.Wait(t.Context()); !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("the outcome is %v", err)
		}
	}
	if err := <-settled; !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("the outcome of what the socket has changed is %v", err)
	}
	p.Socket.Settle(func(err error) { settled <- err })
	if err := <-settled; err == nil {
		t.Error("afterwards it is stored")
	}
	if err := one.IO.To("room").Emit("late"); !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("afterwards the error of an event is %v", err)
	}
	if got := rejected(one, eventlog.ReasonClosed); got < 11 {
		t.Errorf("%v are counted as lost", got)
	}
	if n := one.Cluster.Log().Outbox().Waiting(); n != 0 {
		t.Errorf("%d messages wait", n)
	}
	if log.Has("a socket's session ends") { // it is as it was stored last
		t.Errorf("the session is said to have ended:\n%s", log.All())
	}
}
