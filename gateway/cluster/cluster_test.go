// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// gateway is a Socket.IO server with a link to others.
type gateway struct {
	*sockettest.Server
	cluster *Cluster
}

func newGateway(t *testing.T, o Options) *gateway {
	t.Helper()
	if o.Service == "" {
		o.Service = "default/chat"
	}
	c, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{Server: sockettest.Serve(t, c, o.Recovery != nil), cluster: c}
}

func TestBroadcastReachesOtherGateways(t *testing.T) {
	rooms := []string{"team.a", "*", ">", "a b", "大厅", "", strings.Repeat("long", 100)}
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})

	sender, senderSocket := one.Client(t, rooms...)
	near, _ := one.Client(t, rooms...)
	far, farSocket := two.Client(t, rooms...)
	outside, _ := two.Client(t)

	emit := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, room := range rooms {
		emit(one.IO.Of("/").To(room).Emit("room", room))
	}
	emit(one.IO.Of("/").To("team.a", "*", "nobody").Emit("several"))
	emit(senderSocket.Broadcast().Emit("others", []byte{1, 2}))
	emit(one.IO.Of("/").To(farSocket.ID()).Emit("direct"))
	emit(one.IO.Of("/").Except(farSocket.ID()).Emit("all but far"))
	emit(one.IO.Of("/").Emit("end"))

	for _, c := range []*wiretest.Client{sender, near, far} {
		for _, room := range rooms {
			c.Expect(`42["room","` + room + `"]`)
		}
		c.Expect(`42["several"]`)
		if c != sender {
			c.Expect(`451-["others",{"_placeholder":true,"num":0}]`, "binary [1 2]")
		}
	}
	sender.Expect(`42["all but far"]`, `42["end"]`)
	near.Expect(`42["all but far"]`, `42["end"]`)
	far.Expect(`42["direct"]`, `42["end"]`)
	outside.Expect(`451-["others",{"_placeholder":true,"num":0}]`, "binary [1 2]", `42["all but far"]`, `42["end"]`)

	// A socket's own gateway knows it by its id; the room beside it is still everybody's.
	emit(two.IO.Of("/").To(farSocket.ID(), "team.a").Emit("back"))
	for _, c := range []*wiretest.Client{sender, near, far} {
		c.Expect(`42["back"]`)
	}
}

func TestEventsOfOneSenderKeepTheirOrderAcrossRooms(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	one.Client(t)
	far, farSocket := two.Client(t, "a", "b")
	targets := []*socketio.Broadcast{
		one.IO.Of("/").To("a"), one.IO.Of("/").To("b"), one.IO.Of("/").To("a", "b"), one.IO.Of("/").Except("none"), one.IO.Of("/").To(farSocket.ID()),
	}
	const rounds = 200
	for i := range rounds {
		if err := targets[i%len(targets)].Emit("n", i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rounds {
		args, err := socketio.NewArgs(i)
		if err != nil {
			t.Fatal(err)
		}
		far.Expect(`42["n",` + strings.Trim(string(args.JSON), "[]") + `]`)
	}
}

func TestARoomsTrafficReachesOnlyGatewaysWithAMember(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	metrics := prometheus.NewRegistry()
	one := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Registerer: metrics})
	one.Client(t, "shared", "third")
	far, _ := two.Client(t, "shared")

	before := deliveredTo(t, ns, two.cluster)
	for range 50 {
		if err := one.IO.Of("/").To("third").Emit("e"); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.IO.Of("/").To("shared").Emit("end"); err != nil {
		t.Fatal(err)
	}
	far.Expect(`42["end"]`)
	if n := deliveredTo(t, ns, two.cluster) - before; n != 1 {
		t.Errorf("NATS has sent %d messages to the gateway without a member, want 1 (of the shared room)", n)
	}
	if n := testutil.ToFloat64(two.cluster.metrics.received); n != 1 {
		t.Errorf("%v messages counted as received, want 1", n)
	}
}

// deliveredTo is how many messages NATS has sent to a gateway for its namespaces, by NATS's own
// count. What gateways say of themselves at times of their own is left out.
func deliveredTo(t *testing.T, ns *natsserver.Server, c *Cluster) (n int64) {
	t.Helper()
	id, err := c.nc.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	conns, err := ns.Connz(&natsserver.ConnzOptions{CID: id, Subscriptions: true, SubscriptionsDetail: true})
	if err != nil || len(conns.Conns) != 1 {
		t.Fatalf("connections of NATS: %v, %v", conns, err)
	}
	for _, sub := range conns.Conns[0].SubsDetail {
		if sub.Subject != c.subjects.Peers {
			n += sub.Msgs
		}
	}
	return n
}

func TestSubscriptionsDoNotGrowWithSockets(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Linger: time.Millisecond})
	g.Client(t, "room")
	before := ns.NumSubscriptions()
	var sockets []*socketio.Socket
	for range 20 {
		_, s := g.Client(t, "room")
		sockets = append(sockets, s)
	}
	if after := ns.NumSubscriptions(); after != before {
		t.Errorf("%d subscriptions for 1 socket, %d for 21", before, after)
	}
	_, last := g.Client(t, "another")
	last.Leave("another")
	await(t, "the subscription of an empty room to end", func() bool { return ns.NumSubscriptions() == before })
	for _, s := range sockets {
		s.Leave("room")
	}
	if n := ns.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions while one member is left, want %d", n, before)
	}
}

func TestARoomThatIsJoinedAgainInTimeKeepsItsSubscription(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Linger: time.Hour})
	one.Client(t)
	far, s := two.Client(t, "room")
	before := ns.NumSubscriptions()
	s.Leave("room")
	s.Join("room")
	if n := ns.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions, want %d", n, before)
	}
	if err := one.IO.Of("/").To("room").Emit("e"); err != nil {
		t.Fatal(err)
	}
	far.Expect(`42["e"]`)
}

// A client may join and leave rooms as fast as it can: the linger is for those that come back, not
// for all that there were.
func TestSubscriptionsToRoomsThatWereLeftAreBounded(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Linger: time.Hour})
	_, s := g.Client(t, "room")
	before := ns.NumSubscriptions()
	for first := 0; first < 3*maxIdle; first += maxIdle {
		rooms := make([]string, maxIdle)
		for i := range rooms {
			rooms[i] = fmt.Sprint("room ", first+i)
		}
		s.Join(rooms...)
		for _, room := range rooms {
			s.Leave(room)
		}
	}
	await(t, "subscriptions to end", func() bool { return ns.NumSubscriptions() <= before+maxIdle })
	a := g.IO.Of("/").Adapter().(*adapter) // as when two leave a room, and a third was there for a moment
	for i := range 20 * maxIdle {
		a.subscriptions.release(a.subjects.Interest(fmt.Sprint("room ", 2*maxIdle+i%maxIdle)), func() bool { return true })
	}
	if n := g.cluster.metrics.subscriptions; testutil.ToFloat64(n) > float64(before+maxIdle) {
		t.Errorf("%v subscriptions are counted", testutil.ToFloat64(n))
	}
}

func TestServicesDoNotHearEachOther(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Service: "a/chat"})
	two := newGateway(t, Options{URLs: []string{ns.ClientURL()}, Service: "b/chat"})
	one.Client(t)
	other, _ := two.Client(t)
	if err := one.IO.Of("/").Emit("not for you"); err != nil {
		t.Fatal(err)
	}
	one.cluster.nc.Flush()
	if err := two.IO.Of("/").Emit("yours"); err != nil {
		t.Fatal(err)
	}
	other.Expect(`42["yours"]`)
}

func TestGatewaysFindNATSAgainAndWhatWasJoinedMeanwhile(t *testing.T) {
	checkNothingIsLeft(t)
	first := natstest.Start(t, nil)
	urls := []string{first.ClientURL()}
	one, two := newGateway(t, Options{URLs: urls}), newGateway(t, Options{URLs: urls})
	near, _ := one.Client(t, "room")
	far, _ := two.Client(t, "room")

	port := first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()
	await(t, "both gateways to notice", func() bool { return !one.cluster.Connected() && !two.cluster.Connected() })
	late, _ := two.Client(t, "late")
	if err := one.IO.Of("/").To("room").Except("elsewhere").Emit("while away"); err != nil {
		t.Fatal(err)
	}
	near.Expect(`42["while away"]`)

	natstest.Start(t, &natsserver.Options{Port: port})
	await(t, "both gateways to be back", func() bool { return one.cluster.Connected() && two.cluster.Connected() })
	if err := two.cluster.nc.Flush(); err != nil { // its subscriptions are with the server
		t.Fatal(err)
	}
	if err := one.IO.Of("/").To("late").Emit("after"); err != nil {
		t.Fatal(err)
	}
	late.Expect(`42["after"]`)
	if err := one.IO.Of("/").To("room").Emit("after"); err != nil {
		t.Fatal(err)
	}
	// What was emitted while NATS was away is kept by the client library, and may come or not: core
	// NATS promises nothing.
	if got := far.Receive(); got == `42["while away"]` {
		far.Expect(`42["after"]`)
	} else if got != `42["after"]` {
		t.Errorf("received %s", got)
	}
}

func TestAMessageTooLargeForNATSIsAnError(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{MaxPayload: 1024})
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	c, _ := g.Client(t)
	await(t, "NATS", g.cluster.Connected)
	if err := g.IO.Of("/").Emit("big", strings.Repeat("x", 2048)); err == nil {
		t.Error("no error")
	}
	if err := g.IO.Of("/").Emit("small"); err != nil {
		t.Fatal(err)
	}
	c.Expect(`42["small"]`)
}

func TestCredentials(t *testing.T) {
	tests := []struct {
		name   string
		server natsserver.Options
		files  map[string]string
	}{
		{"username and password", natsserver.Options{Username: "gateway", Password: "secret"},
			map[string]string{"username": "gateway\n", "password": "secret\n"}},
		{"token", natsserver.Options{Authorization: "secret"}, map[string]string{"token": "secret"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, &tt.server)
			dir := t.TempDir()
			for name, content := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: dir})
			await(t, "NATS", g.cluster.Connected)
		})
	}
}
