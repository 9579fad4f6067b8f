// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

var someTrace = trace.New("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "rojo=1")

// listen subscribes to what goes over NATS.
func listen(t *testing.T, ns *natsserver.Server, subject string) *nats.Subscription {
	t.Helper()
	nc := natstest.Connect(t, ns.ClientURL())
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return sub
}

func next(t *testing.T, sub *nats.Subscription) *nats.Msg {
	t.Helper()
	msg, err := sub.NextMsg(20 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// An older gateway looks at the data, which are those of a message without a trace.
func TestATraceGoesInTheHeaderOfAMessage(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	far, _ := two.Client(t, "room")
	sub := listen(t, ns, wire.NewSubjects(one.cluster.service, "/").Room("room"))
	room := one.IO.To("room")
	for _, b := range []*socketio.Broadcast{room, room.Trace(someTrace), room.WithContext(trace.NewContext(t.Context(), someTrace))} {
		emit(t, b, "said")
		far.Expect(`42["said"]`)
	}
	plain := next(t, sub)
	if len(plain.Header) != 0 {
		t.Errorf("a message without a trace has the header %v", plain.Header)
	}
	for range 2 {
		traced := next(t, sub)
		want := nats.Header{"traceparent": {someTrace.ID}, "tracestate": {someTrace.State}}
		if diff := cmp.Diff(want, traced.Header); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
		if !bytes.Equal(plain.Data, traced.Data) {
			t.Errorf("data %q with a trace, %q without", traced.Data, plain.Data)
		}
		m, err := two.cluster.decodeMsg(traced)
		if err != nil || cmp.Diff(someTrace, m.Delivery.Trace) != "" {
			t.Errorf("the delivery has the trace %v, %v", m.Delivery.Trace, err)
		}
	}
}

func TestATraceGoesWithAQuestionToOtherGateways(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	far, _ := two.Client(t, "room")
	sub := listen(t, ns, one.cluster.subjects.Requests)
	answered := make(chan error, 1)
	go func() {
		_, err := one.IO.To("room").Trace(someTrace).EmitWithAck(t.Context(), "q")
		answered <- err
	}()
	reply(t, far, "[]")
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if got := wire.TraceOf(next(t, sub).Header); cmp.Diff(someTrace, got) != "" {
		t.Errorf("the request has the trace %v", got)
	}
}

func TestATraceIsStoredWithTheEvent(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeers(t, one.cluster, 1)
	p := arrive(t, one, "room")
	emit(t, one.IO.To("room"), "first")
	p.Expect(`["first"]`)
	gone := make(chan struct{})
	p.Socket.OnDisconnect(func(string) { close(gone) })
	p.Wire.Close()
	<-gone
	subjects := wire.NewSubjects(two.cluster.service, "/")
	sub := listen(t, ns, subjects.Room("room"))
	emit(t, one.IO.To("room"), "said")
	emit(t, one.IO.To("room").Trace(someTrace), "said")
	one.stored(t)
	plain, traced := next(t, sub), next(t, sub)
	if !bytes.Equal(plain.Data, traced.Data) || wire.TraceOf(plain.Header) != nil || cmp.Diff(someTrace, wire.TraceOf(traced.Header)) != "" {
		t.Errorf("the log says %q %v, and %q %v", plain.Data, plain.Header, traced.Data, traced.Header)
	}
	var stored []*trace.Parent
	take := func(m eventlog.Message) error {
		stored = append(stored, m.Trace)
		return nil
	}
	subject := subjects.Stored(subjects.Room("room"))
	if err := two.cluster.events.Fetch(t.Context(), subject, 1, eventlog.End, take); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*trace.Parent{nil, nil, someTrace}, stored); diff != "" {
		t.Errorf("what is stored (-want +got):\n%s", diff)
	}
	last, err := two.cluster.events.Latest(t.Context(), subject)
	if err != nil || cmp.Diff(someTrace, last.Trace) != "" {
		t.Errorf("the leader says %v, %v", last.Trace, err)
	}
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Expect(`["said"]`, `["said"]`)
}

func TestATraceThatIsNoneIsIgnored(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	near, _ := g.Client(t, "room")
	nc, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	m := wire.Message{Publisher: "gateway2", Delivery: socketio.Delivery{Text: []byte(`2["said"]`), Target: socketio.Target{Rooms: []string{"room"}}}}
	msg := &nats.Msg{Subject: wire.NewSubjects(g.cluster.service, "/").Room("room"), Header: nats.Header{"traceparent": {"none"}, "other": {"x"}}, Data: m.Encode()}
	if err := nc.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	near.Expect(`42["said"]`)
}

// The header counts for what NATS carries.
func TestAnEventThatIsTooLargeWithItsTrace(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{MaxPayload: 1024})
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	far, _ := two.Client(t)
	received := 0
	for size := 700; ; size++ {
		text := strings.Repeat("x", size)
		if one.IO.Of("/").Except().Trace(someTrace).Emit("n", text) != nil {
			break
		}
		far.Expect(`42["n","` + text + `"]`)
		received++
	}
	if received == 0 {
		t.Errorf("%d events fit", received)
	}
	text := strings.Repeat("x", 700+received)
	emit(t, one.IO.Of("/"), "n", text) // which fits without one
	far.Expect(`42["n","` + text + `"]`)
}

func TestAProgramsTraceComesWithItsRequest(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	await(t, "NATS", g.cluster.Connected)
	traces := make(chan *trace.Parent, 1)
	stop, err := g.cluster.ServeQueue("realtime.emit.default.chat", "gateways", func(ctx context.Context, _ []byte, answer func([]byte)) {
		traces <- trace.FromContext(ctx)
		answer(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := g.cluster.nc.Flush(); err != nil { // the subscription
		t.Fatal(err)
	}
	for _, want := range []*trace.Parent{nil, someTrace} {
		msg := &nats.Msg{Subject: "realtime.emit.default.chat", Header: wire.TraceHeader(want)}
		if _, err := nc.RequestMsg(msg, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		if got := <-traces; cmp.Diff(want, got) != "" {
			t.Errorf("the trace is %v, want %v", got, want)
		}
	}
	<-stop()
}
