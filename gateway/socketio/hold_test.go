// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// nothing is a past without events.
var nothing = socketio.Past{Has: func(uint64) bool { return false }, Next: func() *socketio.Delivery { return nil }}

func TestWhatIsHeldForASocketIsBounded(t *testing.T) {
	o := socketio.Options{}
	o.Engine.MaxQueueMessages = 16
	io, url := server(t, o)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets
	left := make(chan string, 1)
	s.OnDisconnect(func(reason string) { left <- reason })

	for i := range 100 { // what is held counts only until it is sent
		release := s.Hold()
		emit(t, io, "n", i)
		release(nothing)
		c.Expect(fmt.Sprintf(`42["n",%d]`, i))
	}
	release := s.Hold()
	for i := range 17 {
		emit(t, io, "n", i)
	}
	release(nothing)
	c.ExpectClosed()
	if reason := <-left; reason != "slow consumer" {
		t.Errorf("closed with the reason %q", reason)
	}
}

// ids are those of an answer to CONNECT.
func ids(t *testing.T, c *wiretest.Client, namespace string) (sid, pid string) {
	t.Helper()
	answer := c.Receive()
	var ids struct{ SID, PID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, "40"+namespace+",")), &ids); err != nil || ids.PID == "" {
		t.Fatalf("the answer to CONNECT is %.100s", answer)
	}
	return ids.SID, ids.PID
}

// Each of the namespaces of a connection has a session of its own.
func TestWhatOneConnectionIsSentOfItsPastIsBounded(t *testing.T) {
	const events, megabyte = 15, 1 << 20
	r := newRecovering(t, socketio.Options{})
	namespaces := []string{"/a", "/b"}
	gone, came := make(chan struct{}, 2*len(namespaces)), make(chan struct{}, 2*len(namespaces))
	for _, name := range namespaces {
		r.io.Of(name).OnConnection(func(s *socketio.Socket) {
			s.OnDisconnect(func(string) { gone <- struct{}{} })
			came <- struct{}{}
		})
	}
	c := wiretest.Dial(t, r.url, path, "", nil)
	sids, pids := map[string]string{}, map[string]string{}
	for _, name := range namespaces {
		c.Send("40" + name + ",")
		sids[name], pids[name] = ids(t, c, name)
		<-came
	}
	c.Close()
	for range namespaces {
		<-gone
	}
	for _, name := range namespaces {
		for i := range events {
			emit(t, r.io.Of(name), "n", i, strings.Repeat("x", megabyte))
		}
	}

	again := wiretest.Dial(t, r.url, path, "", nil)
	for _, name := range namespaces {
		again.Send(fmt.Sprintf(`40%s,{"pid":%q}`, name, pids[name]))
		<-came // and read nothing yet
	}
	if sid, _ := ids(t, again, "/a"); sid != sids["/a"] {
		t.Error("the first session is not recovered")
	}
	for i := range events {
		if got, want := again.Receive(), fmt.Sprintf(`42/a,["n",%d,`, i); !strings.HasPrefix(got, want) {
			t.Fatalf("received %.40s, want %s", got, want)
		}
	}
	if sid, _ := ids(t, again, "/b"); sid == sids["/b"] {
		t.Error("the second session is recovered, though the connection waits for the past of the first")
	}
	emit(t, r.io.Of("/b"), "now")
	if got := again.Receive(); !strings.HasPrefix(got, `42/b,["now",`) {
		t.Errorf("received %.40s", got)
	}
}
