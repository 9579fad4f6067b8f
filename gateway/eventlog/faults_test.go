// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"fmt"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestWhatIsEmittedWhileNATSIsAwayComesLate(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	near, far := arrive(t, one, "room"), arrive(t, two, "room")
	lost := arrive(t, two, "room")
	emit(t, one.IO.To("room"), "n", 0)
	for _, p := range []*person{near, far, lost} {
		p.Expect(`["n",0]`)
	}
	ns.Stop()
	await(t, "the gateways notice", func() bool { return !one.Cluster.Connected() && !two.Cluster.Connected() })
	lost.Vanish()
	var want []string
	for i := range 50 {
		emit(t, one.IO.To("room"), "n", i)
		want = append(want, fmt.Sprintf(`["n",%d]`, i))
	}
	ns.Start()
	near.Expect(want...)
	far.Expect(want...)
	await(t, "the log is ready", func() bool { return one.Cluster.LogReady() && two.Cluster.LogReady() })
	if !lost.Connect(one) {
		t.Fatal("not recovered")
	}
	lost.Missed(want...)
}

func TestWhoComesBackWhileNATSIsAwayIsRecoveredWithIt(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one, two := recovering(t, ns.Server), recovering(t, ns.Server)
	p := arrive(t, one, "room")
	ns.Stop()
	await(t, "the gateways notice", func() bool { return !one.Cluster.LogReady() && !two.Cluster.LogReady() })
	p.Vanish()
	emit(t, one.IO.To("room"), "n", 1)
	p.Ask(two)
	ns.Start()
	if !p.Answered(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",1]`) // whether it was stored before or after the session was taken over
}

func TestWhoComesBackWhileNATSStaysAwayIsToComeAgain(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startRestartable(t)
	one := recovering(t, ns.Server)
	p := arrive(t, one, "room")
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.LogReady() })
	p.Vanish()
	p.Ask(one)
	if before := p.Wire.ExpectClosed(); len(before) > 0 {
		t.Fatalf("it is answered %v", before)
	}
	ns.Start()
	if !p.Connect(one) {
		t.Error("not recovered")
	}
}

func TestAGatewayThatWasCutOffCatchesUp(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	p := arrive(t, two, "room")
	proxyless := two.Cluster.Log().NATS()
	// NATS drops the gateway's connection, and tells nobody: the client library reconnects by
	// itself.
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
			emit(t, one.IO.To("room"), "n", i)
		}
	}
	for range 3 {
		cut()
		for i := range 20 {
			p.Expect(fmt.Sprintf(`["n",%d]`, i))
		}
		await(t, "the log is ready", two.Cluster.LogReady)
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
	emit(t, one.IO.To("room"), "n", 1)
	stays.Expect(`["n",1]`)
	lost.Expect(`["n",1]`)
	ns.Stop()
	await(t, "the gateway notices", func() bool { return !one.Cluster.Connected() })
	lost.Vanish()
	ns.Options.StoreDir = t.TempDir()
	ns.Start()
	await(t, "the log is ready", one.Cluster.LogReady)
	if lost.Connect(one) {
		t.Error("recovered from nothing")
	}
	awaitRestarted(t, one)
	emit(t, one.IO.To("room"), "n", 2)
	stays.Expect(`["n",2]`)
	stays.Settled()
	stays.Vanish()
	emit(t, one.IO.To("room"), "n", 3)
	if !stays.Connect(one) {
		t.Fatal("who stayed cannot be recovered from the new log")
	}
	stays.Missed(`["n",3]`)
}

func TestWithoutJetStreamTheLogIsNotReady(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, cluster.Options{URLs: []string{ns.ClientURL()}, Recovery: &cluster.Recovery{}})
	await(t, "NATS is connected", g.Cluster.Connected)
	if g.Cluster.LogReady() {
		t.Error("it is ready")
	}
}

func TestAMessageTooLargeForNATSDoesNotStopTheOthers(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), MaxPayload: 1 << 16})
	one := recovering(t, ns)
	p := arrive(t, one, "room")
	_ = one.IO.To("room").Emit("big", make([]byte, 1<<17)) // counted, and logged
	emit(t, one.IO.To("room"), "n", 1)
	p.Expect(`["n",1]`)
}
