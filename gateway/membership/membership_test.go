// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// soon is a timing that keeps tests short.
var soon = Timing{Heartbeat: 50 * time.Millisecond, Dead: 500 * time.Millisecond, Census: 20 * time.Millisecond}

// start makes a gateway that is there until the test ends. Only its own heartbeats show it that
// NATS is silent.
func start(t *testing.T, url string, o Options) *Peers {
	t.Helper()
	o.ID, o.Subject = wire.RandomToken(wire.GatewayIDLength), "peers"
	o.Panics = panics.NewWatch(slog.Default(), nil)
	o.Conn = natsconn.New(natsconn.Options{URLs: []string{url}, Log: slog.Default(), PingInterval: time.Hour, ReconnectWait: 5 * time.Millisecond})
	o.Inbox = natsconn.NewInbox(natsconn.InboxOptions{Overflow: func(*nats.Msg) { t.Error("a message was dropped") }})
	if o.Timing == (Timing{}) {
		o.Timing = DefaultTiming
	}
	o.Handlers = Handlers{
		Message: func(*nats.Msg) {}, Malformed: func(_ *nats.Msg, err error) { t.Error(err) },
		Heard: func() {}, Gone: func(string, bool) {}, Beat: func(time.Time) {}, Restored: func() {},
	}
	if err := o.Conn.Connect(); err != nil {
		t.Fatal(err)
	}
	p := New(o)
	if err := p.Subscribe(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { p.Run(stop) })
	p.Greet()
	t.Cleanup(func() {
		o.Conn.Close()
		close(stop)
		running.Wait()
	})
	return p
}

// checkNothingIsLeft is called first, so that it checks last.
func checkNothingIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// await waits until something is true.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// waitForPeers returns when a gateway knows so many others.
func waitForPeers(t *testing.T, p *Peers, n int) {
	t.Helper()
	await(t, "the others are known", func() bool { return len(p.List()) == n })
}

// Until a half-open connection is given up it looks as if all others had died at once.
func TestAGatewayThatHearsNothingTakesNobodyForDead(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := start(t, proxy.URL(), Options{Timing: soon})
	two := start(t, ns.ClientURL(), Options{Timing: soon, Address: "two:1"})
	waitForPeers(t, one, 1)
	waitForPeers(t, two, 1)
	proxy.Stall()
	since := time.Now()
	await(t, "they would be dead", func() bool { return one.table.hearingSince().After(since.Add(3 * soon.Dead)) })
	if !one.conn.Connected() {
		t.Fatal("the connection was given up")
	}
	if address, ok := one.Address(two.id); !ok || address != "two:1" {
		t.Errorf("the other one is taken for dead: %q, %v", address, ok)
	}
	proxy.Resume()
	await(t, "it hears again, and beats", func() bool {
		return one.hears(time.Now()) && len(two.table.list()) == 1
	})
}

func TestAGatewayThatDiesIsMissed(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	proxy := natstest.NewProxy(t, ns.ClientURL())
	one := start(t, ns.ClientURL(), Options{Timing: soon})
	two := start(t, proxy.URL(), Options{Timing: soon})
	waitForPeers(t, one, 1)
	proxy.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	one.AwaitGone(ctx, two.id)
	if ctx.Err() != nil {
		t.Error("it is taken for alive")
	}
}

// The next heartbeat made the others wait for it for another eight seconds.
func TestNothingIsHeardOfAGatewayAfterItsFarewell(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one, two := start(t, url, Options{Timing: soon}), start(t, url, Options{Timing: soon})
	waitForPeers(t, one, 1)
	nc := natstest.Connect(t, url)
	heard, err := nc.SubscribeSync("peers")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}

	one.Farewell()

	left := false
	for beats := 0; beats < 10; { // of the other one
		msg, err := heard.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Decode(msg.Data)
		switch {
		case err != nil:
			t.Fatal(err)
		case a.Kind == Farewell:
			left = true
		case left && a.ID == two.id:
			beats++
		case left:
			t.Fatalf("it says %c after its farewell", a.Kind)
		}
	}
}

// Gateways of an earlier release may beat once more.
func TestAGatewayThatHasLeftDoesNotComeBack(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	nc := natstest.Connect(t, url)
	heard, err := nc.SubscribeSync("peers")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	one := start(t, url, Options{})
	if _, err := heard.NextMsg(time.Minute); err != nil { // it greets behind its subscription
		t.Fatal(err)
	}
	say := func(kind Kind, id string) {
		t.Helper()
		if err := nc.Publish("peers", Announcement{Kind: kind, ID: id}.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	say(Alive, "earlier1")
	waitForPeers(t, one, 1)
	say(Farewell, "earlier1")
	say(Alive, "earlier1")
	say(Alive, "another1") // behind it
	await(t, "the last announcement is heard", func() bool { return slices.Contains(one.List(), "another1") })
	if peers := one.List(); len(peers) != 1 {
		t.Errorf("%q are there", peers)
	}
}

// Who is silent for long may live, and its next heartbeat come before anybody has looked.
func TestTheEndOfAPeerIsHeardOfThoughItComesBackAtOnce(t *testing.T) {
	peers := newTable()
	peers.alive("silent-1", Fields{}, time.Now())
	gone := peers.endOf("silent-1")
	peers.gone("silent-1", false, time.Now())
	peers.alive("silent-1", Fields{}, time.Now())
	select {
	case <-gone:
	default:
		t.Error("who waits for its end waits on")
	}
	if _, s, _ := peers.look("silent-1"); s != statePresent {
		t.Error("it is not there again")
	}
}
