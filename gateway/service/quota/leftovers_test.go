// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// metered is the listener of a socket with limits.
type metered struct {
	meter  Meter
	keeper *Keeper
	socket *socketio.Socket
	rules  *limits.Rules
	now    func() time.Time
}

func (m *metered) OnEvent(ev *socketio.Event) {
	if m.keeper.Event(&m.meter, m.rules, m.now(), ev) {
		_ = ev.Reply("ok")
	}
}

func (m *metered) OnDisconnecting(string) {}

func (m *metered) OnDisconnect(string) {}

func (m *metered) OnAck(args socketio.Args) bool {
	return m.keeper.Ack(&m.meter, m.rules, m.socket, args)
}

func (m *metered) OnEnd() { m.keeper.End(&m.meter, m.socket) }

// dynamic serves namespaces of any name, where clients may send two events at once, and one per
// second. It returns how much the clock has passed, in nanoseconds.
func dynamic(t *testing.T) (k *Keeper, url string, passed *atomic.Int64) {
	t.Helper()
	k, url, passed, _ = observed(t)
	return k, url, passed
}

// observed is dynamic with the listeners of the sockets.
func observed(t *testing.T) (k *Keeper, url string, passed *atomic.Int64, sockets chan *metered) {
	t.Helper()
	passed, sockets = &atomic.Int64{}, make(chan *metered, 1000)
	now := func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	k = NewKeeper(now, slog.New(slog.DiscardHandler))
	rules := limits.Rules{Events: &limits.Limit{Name: "perSocket.events", Rate: 1, Burst: 2, Action: limits.Reject}}.Prepare()
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.OfPattern("/room-[0-9]+")
	if err != nil {
		t.Fatal(err)
	}
	all.OnConnection(func(s *socketio.Socket) {
		m := &metered{keeper: k, socket: s, rules: rules, now: now}
		s.Listen(m)
		sockets <- m
	})
	hs := httptest.NewServer(io)
	t.Cleanup(func() {
		_ = io.Close()
		hs.Close()
	})
	return k, hs.URL, passed, sockets
}

// says sends three events to a namespace, and returns how many are accepted.
func says(c *wiretest.Client, namespace string) (accepted int) {
	for range 3 {
		c.Send("42" + namespace + `,1["say"]`)
		if strings.HasSuffix(c.Receive(), `["ok"]`) {
			accepted++
		}
	}
	return accepted
}

func kept(k *Keeper) (connections, sockets int) {
	k.left.Range(func(_, l any) bool {
		connections++
		sockets += len(l.(*leftovers).used)
		return true
	})
	return connections, sockets
}

func TestAClientHasAsManyBurstsAsSocketsAtOnce(t *testing.T) {
	k, url, passed := dynamic(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	accepted := 0
	for n := range 100 {
		one, two := fmt.Sprintf("/room-%d", 2*n), fmt.Sprintf("/room-%d", 2*n+1)
		c.Join(one)
		c.Join(two)
		accepted += says(c, one) + says(c, two)
		c.Send("41"+one+",", "41"+two+",")
	}
	if accepted != 4 {
		t.Errorf("of two sockets at once, %d events are accepted", accepted)
	}
	if connections, sockets := kept(k); connections != 1 || sockets > 2 {
		t.Errorf("what %d sockets of %d connections have used is kept", sockets, connections)
	}
	passed.Add(int64(time.Second))
	for _, namespace := range []string{"/room-1000", "/room-1001", "/room-1002"} {
		c.Join(namespace)
		accepted += says(c, namespace)
	}
	if accepted != 4+2+2 {
		t.Errorf("a second later, two sockets that go on and one more have %d accepted", accepted-4)
	}
}

func TestAnotherNamespaceGoesOnWithTheFullestBucket(t *testing.T) {
	_, url, _ := dynamic(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	for n := range 8 {
		c.Join(fmt.Sprintf("/room-%d", n))
	}
	c.Send(`42/room-5,1["say"]`)
	c.Expect(`43/room-5,1["ok"]`)
	for n := range 8 {
		if n != 5 {
			says(c, fmt.Sprintf("/room-%d", n))
		}
	}
	for n := range 8 {
		c.Send(fmt.Sprintf("41/room-%d,", n))
	}
	c.Join("/room-9")
	if accepted := says(c, "/room-9"); accepted != 1 {
		t.Errorf("%d events are accepted", accepted)
	}
}

// OnEnd may be called twice, the second time when another socket goes on with what was used.
func TestASecondEndTakesNothingFromTheNextSocket(t *testing.T) {
	k, url, _, joined := observed(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	c.Join("/room-1")
	says(c, "/room-1")
	former := <-joined
	c.Send("41/room-1,")
	c.Join("/room-2")
	says(c, "/room-2")
	former.OnEnd()
	if _, sockets := kept(k); sockets != 0 {
		t.Error("what a socket uses is kept for others as well")
	}
}

// A client that sends to namespaces that it has left has what the next socket would have, and the
// gateway keeps no more of it.
func TestEventsToNamespacesThatWereLeft(t *testing.T) {
	k, url, _ := dynamic(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	c.Join("/room-0") // so that the connection stays
	exceeded := func() float64 { return testutil.ToFloat64(k.Exceeded.WithLabelValues("perSocket.events", "Enforce")) }
	const rooms = 50
	for n := range rooms {
		name := fmt.Sprintf("/room-%d", n+1)
		c.Join(name)
		c.Send("41" + name + ",")
		for m := range n + 1 {
			c.Send(fmt.Sprintf(`42/room-%d,["say"]`, m+1))
		}
	}
	const sent = rooms * (rooms + 1) / 2
	wiretest.Await(t, "two are within the limit", func() bool { return exceeded() == sent-2 })
	if connections, sockets := kept(k); connections != 1 || sockets != 1 {
		t.Errorf("what %d sockets of %d connections have used is kept", sockets, connections)
	}
	// Another socket goes on with that, and what is sent to the former ones is not its affair.
	c.Join("/room-1000")
	if accepted := says(c, "/room-1000"); accepted != 0 {
		t.Errorf("%d events of the next socket are accepted", accepted)
	}
	if _, sockets := kept(k); sockets != 0 {
		t.Errorf("%d are kept while it is in use", sockets)
	}
	c.Send(`42/room-1,["say"]`, `42/room-1,["say"]`, `42/room-1,["say"]`)
	wiretest.Await(t, "they have a bucket of their own", func() bool { return exceeded() == sent-2+3+1 })
	if _, sockets := kept(k); sockets != 1 {
		t.Errorf("%d are kept", sockets)
	}
}

func TestWhatIsEarnedAgainIsNotKept(t *testing.T) {
	k, url, passed := dynamic(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	c.Join("/room-1")
	says(c, "/room-1")
	passed.Add(int64(2 * time.Second))
	c.Send("41/room-1,")
	c.Join("/room-2")
	if connections, _ := kept(k); connections != 0 {
		t.Error("a full bucket is kept")
	}
}

func TestNothingIsKeptForAConnectionThatHasEnded(t *testing.T) {
	k, url, _ := dynamic(t)
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	c.Join("/room-1")
	c.Join("/room-2")
	says(c, "/room-1")
	says(c, "/room-2")
	c.Send("41/room-1,")
	c.Join("/room-3") // it has left
	if _, sockets := kept(k); sockets != 1 {
		t.Fatalf("%d sockets are kept", sockets)
	}
	c.Close()
	wiretest.Await(t, "nothing is kept", func() bool {
		connections, _ := kept(k)
		return connections == 0
	})
}
