// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestGatewaysTellTheirAddresses(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one := start(t, url, Options{Address: "10.0.0.1:7443"})
	two := start(t, url, Options{})
	waitForPeers(t, one, 1)
	waitForPeers(t, two, 1)
	if address, ok := two.Address(one.id); !ok || address != "10.0.0.1:7443" {
		t.Errorf("the address is %q, %v", address, ok)
	}
	if address, ok := one.Address(two.id); ok {
		t.Errorf("one that has no address is at %q", address)
	}
	one.Farewell()
	waitForPeers(t, two, 0)
	if address, ok := two.Address(one.id); ok {
		t.Errorf("one that has gone is at %q", address)
	}
}

// One that starts is looked for before it was heard of, and looks for others before they were.
func TestAGatewayThatIsUnknownIsAskedFor(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one := start(t, url, Options{Address: "one:1"})
	two := start(t, url, Options{Address: "two:1"})
	waitForPeers(t, one, 1)
	one.table.mu.Lock()
	clear(one.table.present) // as if nothing had been heard
	one.table.mu.Unlock()
	if address, ok := one.Find(t.Context(), two.id); !ok || address != "two:1" {
		t.Errorf("it is found at %q, %v", address, ok)
	}
}

func TestAGatewayThatIsNotThereIsMissedOnce(t *testing.T) {
	checkNothingIsLeft(t)
	one := start(t, natstest.Start(t, nil).ClientURL(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := one.Find(ctx, "unheard1"); ok {
		t.Error("found")
	}
	if _, s, _ := one.table.look("unheard1"); s != stateUnknown {
		t.Error("it counts as missing, though nobody waited for it")
	}
	if _, ok := one.Find(t.Context(), "unheard1"); ok {
		t.Error("found")
	}
	if _, s, _ := one.table.look("unheard1"); s != stateAbsent {
		t.Error("it would be waited for again")
	}
	one.table.forgetAbsent(time.Now().Add(time.Second))
	if _, s, _ := one.table.look("unheard1"); s != stateUnknown {
		t.Error("it is remembered for ever")
	}
}

// Without NATS a gateway hears nothing of those that have come meanwhile.
func TestAGatewayWithoutNATSWaitsBeforeItMissesOthers(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := start(t, proxy.URL(), Options{})
	await(t, "NATS is connected", one.conn.Connected)
	proxy.Cut()
	await(t, "NATS is away", func() bool { return !one.conn.Connected() })
	two := start(t, ns.ClientURL(), Options{Address: "two:1"})
	found := make(chan string, 1)
	go func() {
		address, _ := one.Find(t.Context(), two.id)
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
	one, two := start(t, url, Options{}), start(t, url, Options{})
	waitForPeers(t, one, 1)
	waitForPeers(t, two, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one.AwaitGone(ctx, two.id) // returns with the context
	gone := make(chan struct{})
	go func() {
		one.AwaitGone(t.Context(), two.id)
		close(gone)
	}()
	if _, s, _ := one.table.look(two.id); s != statePresent {
		t.Error("it is not there")
	}
	two.Farewell()
	<-gone
}
