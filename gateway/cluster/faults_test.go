// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net"
	"strconv"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// restartable is a NATS server that can come back on the same port, with what it had stored or without.
type restartable struct {
	*natsserver.Server
	t       *testing.T
	options natsserver.Options
}

func startRestartable(t *testing.T) *restartable {
	t.Helper()
	r := &restartable{t: t, options: natsserver.Options{JetStream: true, StoreDir: t.TempDir()}}
	o := r.options
	r.Server = natstest.Start(t, &o)
	_, port, err := net.SplitHostPort(r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if r.options.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *restartable) stop() {
	r.Shutdown()
	r.WaitForShutdown()
}

func (r *restartable) start() {
	r.t.Helper()
	o := r.options
	r.Server = natstest.Start(r.t, &o)
}

func TestWhatIsEmittedWhileNATSIsAwayComesLate(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	near, far := arrive(t, one, "room"), arrive(t, two, "room")
	lost := arrive(t, two, "room")
	emit(t, one.io.To("room"), "n", 0)
	for _, p := range []*person{near, far, lost} {
		p.Expect(`["n",0]`)
	}
	ns.stop()
	await(t, "the gateways notice", func() bool { return !one.cluster.Connected() && !two.cluster.Connected() })
	lost.vanish()
	var want []string
	for i := range 50 {
		emit(t, one.io.To("room"), "n", i)
		want = append(want, fmt.Sprintf(`["n",%d]`, i))
	}
	ns.start()
	near.Expect(want...)
	far.Expect(want...)
	await(t, "the log is ready", func() bool { return one.cluster.LogReady() && two.cluster.LogReady() })
	if !lost.connect(one) {
		t.Fatal("not recovered")
	}
	lost.missed(want...)
}

func TestWhoComesBackWhileNATSIsAwayIsRecoveredWithIt(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	p := arrive(t, one, "room")
	ns.stop()
	await(t, "the gateways notice", func() bool { return !one.cluster.LogReady() && !two.cluster.LogReady() })
	p.vanish()
	emit(t, one.io.To("room"), "n", 1)
	p.ask(two)
	ns.start()
	if !p.answered(two) {
		t.Fatal("not recovered")
	}
	p.missed(`["n",1]`) // whether it was stored before or after the session was taken over
}

func TestWhoComesBackWhileNATSStaysAwayIsToComeAgain(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	p := arrive(t, one, "room")
	ns.stop()
	await(t, "the gateway notices", func() bool { return !one.cluster.LogReady() })
	p.vanish()
	p.ask(one)
	if before := p.Wire.ExpectClosed(); len(before) > 0 {
		t.Fatalf("it is answered %v", before)
	}
	ns.start()
	if !p.connect(one) {
		t.Error("not recovered")
	}
}

func TestAGatewayThatWasCutOffCatchesUp(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	proxyless := two.cluster.nc
	// NATS drops the gateway's connection, and tells nobody: the client library reconnects by itself.
	cut := func() {
		t.Helper()
		id, err := proxyless.GetClientID()
		if err != nil {
			t.Fatal(err)
		}
		if err := ns.DisconnectClientByID(id); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			emit(t, one.io.To("room"), "n", i)
		}
	}
	for range 3 {
		cut()
		for i := range 20 {
			p.Expect(fmt.Sprintf(`["n",%d]`, i))
		}
		await(t, "the log is ready", two.cluster.LogReady)
	}
	if proxyless.Stats().Reconnects == 0 {
		t.Error("the connection was never cut")
	}
}

func TestALostLogBeginsAnew(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	stays, lost := arrive(t, one, "room"), arrive(t, one, "room")
	emit(t, one.io.To("room"), "n", 1)
	stays.Expect(`["n",1]`)
	lost.Expect(`["n",1]`)
	ns.stop()
	await(t, "the gateway notices", func() bool { return !one.cluster.Connected() })
	lost.vanish()
	ns.options.StoreDir = t.TempDir()
	ns.start()
	await(t, "the log is ready", one.cluster.LogReady)
	if lost.connect(one) {
		t.Error("recovered from nothing")
	}
	awaitRestarted(t, one)
	emit(t, one.io.To("room"), "n", 2)
	stays.Expect(`["n",2]`)
	stays.settled()
	stays.vanish()
	emit(t, one.io.To("room"), "n", 3)
	if !stays.connect(one) {
		t.Fatal("who stayed cannot be recovered from the new log")
	}
	stays.missed(`["n",3]`)
}

func TestWithoutJetStreamTheLogIsNotReady(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Recovery: &Recovery{}})
	await(t, "NATS is connected", g.cluster.Connected)
	if g.cluster.LogReady() {
		t.Error("it is ready")
	}
}

func TestAGapBetweenNATSAndTheGatewayIsFilled(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	emit(t, one.io.To("room"), "n", 1)
	p.Expect(`["n",1]`)

	// A message that is lost on a route between two NATS servers shows by the next one's header. Here it is swallowed
	// while the gateway is not subscribed to the room, of which the gateway itself does not know.
	a := two.cluster.adapterOf(wire.NewSubjects("default/chat", "/").Prefix + ".x")
	subject := a.subjects.Room("room")
	a.interest.mu.Lock()
	s := a.interest.subs[subject]
	if err := s.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := two.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a.interest.mu.Unlock()
	emit(t, one.io.To("room"), "n", 2)
	settled := make(chan struct{})
	one.cluster.events.out.AfterAll(func(error) { close(settled) })
	<-settled
	a.interest.mu.Lock()
	sub, err := two.cluster.nc.ChanSubscribe(subject, two.cluster.incoming.in)
	if err != nil {
		t.Fatal(err)
	}
	s.sub = sub
	a.interest.mu.Unlock()
	if err := two.cluster.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	emit(t, one.io.To("room"), "n", 3)
	p.Expect(`["n",2]`, `["n",3]`)
}

func TestAMessageTooLargeForNATSDoesNotStopTheOthers(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), MaxPayload: 1 << 16})
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	_ = one.io.To("room").Emit("big", make([]byte, 1<<17)) // counted, and logged
	emit(t, one.io.To("room"), "n", 1)
	p.Expect(`["n",1]`)
}
