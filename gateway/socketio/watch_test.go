// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// diary writes down what a watcher is told of named rooms.
type diary chan string

func (d diary) Joined(s *socketio.Socket, room string) { d.write(s, "+"+room) }
func (d diary) Left(s *socketio.Socket, room string)   { d.write(s, "-"+room) }
func (d diary) Closed()                                { d <- "closed" }

func (d diary) write(s *socketio.Socket, line string) {
	if line[1:] != s.ID() {
		d <- line
	}
}

func (d diary) expect(t *testing.T, want ...string) {
	t.Helper()
	got := make([]string, len(want))
	for i := range want {
		got[i] = <-d
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWatcherLearnsWhoComesAndGoesInWhateverWay(t *testing.T) {
	io, url := server(t, socketio.Options{})
	rooms := io.Of("/").Adapter().(*socketio.Rooms)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.Join("early")
		sockets <- s
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets
	d := make(diary, 16)

	rooms.Watch(d)
	d.expect(t, "+early")
	s.Join("a")
	s.Join("a") // nothing new
	s.Leave("b")
	s.Leave("a")
	d.expect(t, "+a", "-a")
	if err := io.To(s.ID()).SocketsJoin(context.Background(), "c"); err != nil {
		t.Fatal(err)
	}
	if err := io.To(s.ID()).SocketsLeave(context.Background(), "early"); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "+c", "-early")
	c.Close()
	d.expect(t, "-c")
	if rooms.Watcher() != d {
		t.Error("another watches")
	}
	if err := rooms.Close(); err != nil {
		t.Error(err)
	}
	d.expect(t, "closed")
	rooms.Watch(nil)
}

func TestAParentTellsOfEachNamespaceBeforeItsFirstSocket(t *testing.T) {
	io, url := server(t, socketio.Options{})
	made := make(chan string, 4)
	parent, err := io.OfPattern(`/orders/(?P<id>\d+)`)
	if err != nil {
		t.Fatal(err)
	}
	parent.OnNamespace(func(ns *socketio.Namespace) { made <- ns.Name() + " " + ns.Param("id") })
	parent.OnConnection(func(*socketio.Socket) { made <- "socket" })
	for range 2 {
		wiretest.Connect(t, url, path, "/orders/7")
	}
	for _, want := range []string{"/orders/7 7", "socket", "socket"} {
		if got := <-made; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
