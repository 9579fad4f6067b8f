// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestGatewaysTellTheirAddresses(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one := newGateway(t, Options{URLs: []string{url}, PeerAddress: "10.0.0.1:7443"})
	two := newGateway(t, Options{URLs: []string{url}})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	if address, ok := two.cluster.PeerAddress(one.cluster.ID()); !ok || address != "10.0.0.1:7443" {
		t.Errorf("the address is %q, %v", address, ok)
	}
	if address, ok := one.cluster.PeerAddress(two.cluster.ID()); ok {
		t.Errorf("one that has no address is at %q", address)
	}
	one.cluster.say(peerBye)
	waitForPeers(t, two.cluster, 0)
	if address, ok := two.cluster.PeerAddress(one.cluster.ID()); ok {
		t.Errorf("one that has gone is at %q", address)
	}
}

// One that starts is looked for before its word has come, and looks for others before theirs has.
func TestAGatewayThatIsUnknownIsAskedFor(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one := newGateway(t, Options{URLs: []string{url}, PeerAddress: "one:1"})
	two := newGateway(t, Options{URLs: []string{url}, PeerAddress: "two:1"})
	waitForPeers(t, one.cluster, 1)
	one.cluster.peers.mu.Lock()
	clear(one.cluster.peers.seen) // as if nothing had been heard
	clear(one.cluster.peers.place)
	one.cluster.peers.mu.Unlock()
	if address, ok := one.cluster.FindPeer(t.Context(), two.cluster.ID()); !ok || address != "two:1" {
		t.Errorf("it is found at %q, %v", address, ok)
	}
}

func TestAGatewayThatIsNotThereIsMissedOnce(t *testing.T) {
	checkNothingIsLeft(t)
	one := newGateway(t, Options{URLs: []string{natstest.Start(t, nil).ClientURL()}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := one.cluster.FindPeer(ctx, "unheard1"); ok {
		t.Error("found")
	}
	if _, sight, _ := one.cluster.peers.look("unheard1"); sight != peerUnknown {
		t.Error("it counts as missing, though nobody waited for it")
	}
	if _, ok := one.cluster.FindPeer(t.Context(), "unheard1"); ok {
		t.Error("found")
	}
	if _, sight, _ := one.cluster.peers.look("unheard1"); sight != peerAbsent {
		t.Error("it would be waited for again")
	}
	one.cluster.peers.forgetAbsent(time.Now().Add(time.Second))
	if _, sight, _ := one.cluster.peers.look("unheard1"); sight != peerUnknown {
		t.Error("it is remembered for ever")
	}
}

func TestPeerFieldsSurviveTheWireAndLeaveRoomForMore(t *testing.T) {
	for _, want := range []peerFields{{}, {address: "[fd00::1]:7443"}, {revision: "5d4f", leaving: true}} {
		data := want.append(nil)
		data = append(data, 99, 3, 1, 2, 3) // of a later release
		got, err := decodePeerFields(data)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(peerFields{})); err != nil || diff != "" {
			t.Errorf("%v, fields (-want +got):\n%s", err, diff)
		}
	}
	whole := peerFields{address: "a:1"}.append(nil)
	for n := 1; n < len(whole); n++ {
		if _, err := decodePeerFields(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken", n, len(whole))
		}
	}
}

// Without NATS a gateway hears nothing of those that have come meanwhile.
func TestAGatewayWithoutNATSWaitsBeforeItMissesOthers(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := newGateway(t, Options{URLs: []string{proxy.URL()}})
	await(t, "NATS is connected", one.cluster.Connected)
	proxy.Cut()
	await(t, "NATS is away", func() bool { return !one.cluster.Connected() })
	two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, PeerAddress: "two:1"})
	found := make(chan string, 1)
	go func() {
		address, _ := one.cluster.FindPeer(t.Context(), two.cluster.ID())
		found <- address
	}()
	select {
	case address := <-found:
		t.Fatalf("it is found at %q while nothing can be heard of it", address)
	case <-time.After(findTimeout + 500*time.Millisecond):
	}
	proxy.Mend()
	if address := <-found; address != "two:1" {
		t.Errorf("it is found at %q", address)
	}
}

func TestTheEndOfAPeerIsHeardOf(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one, two := newGateway(t, Options{URLs: []string{url}}), newGateway(t, Options{URLs: []string{url}})
	waitForPeers(t, one.cluster, 1)
	waitForPeers(t, two.cluster, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one.cluster.AwaitPeerGone(ctx, two.cluster.ID()) // returns with the context
	gone := make(chan struct{})
	go func() {
		one.cluster.AwaitPeerGone(t.Context(), two.cluster.ID())
		close(gone)
	}()
	if _, sight, _ := one.cluster.peers.look(two.cluster.ID()); sight != peerPresent {
		t.Error("it is not there")
	}
	two.cluster.say(peerBye)
	<-gone
}
