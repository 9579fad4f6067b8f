// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRow40UnknownNamespace(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/known")
	c := wiretest.Dial(t, url, path, "", nil)
	for _, name := range []string{"/unknown", "/known/deeper", "/known?x=1", "/__proto__"} {
		c.Send(`40` + name + `,`)
		c.Expect(`44` + name + `,{"message":"Invalid namespace"}`)
	}
	c.Join("/known")
}

func TestRow41MiddlewareErrors(t *testing.T) {
	io, url := server(t, socketio.Options{})
	var first error
	io.Of("/ns").Use(func(*socketio.Socket) error { return first })
	io.Of("/ns").Use(func(*socketio.Socket) error {
		if first != nil {
			t.Error("a later middleware runs")
		}
		return nil
	})
	io.Of("/ns").OnConnection(func(*socketio.Socket) {
		if first != nil {
			t.Error("a refused socket connects")
		}
	})
	tests := []struct {
		err  error
		want string
	}{
		{errors.New("authentication failed"), `44/ns,{"message":"authentication failed"}`},
		{fmt.Errorf("wrapped: %w", &socketio.ConnectError{Message: "no", Data: struct {
			A string `json:"a"`
			B int    `json:"b"`
		}{"<b>", 3}}), `44/ns,{"message":"no","data":{"a":"<b>","b":3}}`},
		{&socketio.ConnectError{Message: "no", Data: []any{}}, `44/ns,{"message":"no","data":[]}`},
		{&socketio.ConnectError{Message: "unencodable", Data: func() {}}, `44/ns,{"message":"unencodable"}`},
	}
	c := wiretest.Dial(t, url, path, "", nil)
	for _, tt := range tests {
		first = tt.err
		c.Send(`40/ns,`)
		c.Expect(tt.want)
	}
	first = nil
	c.Join("/ns")
	if n := io.Of("/ns").Len(); n != 1 {
		t.Errorf("%d sockets", n)
	}
}

func TestRow41MiddlewareOfAClosedConnection(t *testing.T) {
	io, url := server(t, socketio.Options{})
	running, closed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	io.Use(func(s *socketio.Socket) error {
		s.Join("room")
		close(running)
		<-closed
		return nil
	})
	io.OnConnection(func(s *socketio.Socket) {
		s.OnDisconnect(func(string) { close(done) })
	})
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40`)
	<-running
	c.Close()
	close(closed)
	<-done // whether it has been let in or not, nothing of it is left: the server's cleanup checks goroutines
}

func TestRow42DynamicNamespaces(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/orders/vip") // comes before any pattern
	parent, err := io.OfPattern(`/orders/(?P<id>[0-9]+)|/users/(?P<user>\w+)`)
	if err != nil {
		t.Fatal(err)
	}
	parent.Use(func(s *socketio.Socket) error {
		if s.Namespace().Param("id") == "13" {
			return &socketio.ConnectError{Message: "unlucky", Data: 13}
		}
		return nil
	})
	parent.OnConnection(func(s *socketio.Socket) {
		ns := s.Namespace()
		if err := s.Emit("hello", ns.Name(), ns.Param("id"), ns.Param("user")); err != nil {
			t.Error(err)
		}
	})
	io.OfFunc(func(name string, h *socketio.Handshake) bool {
		return strings.HasPrefix(name, "/any-") && strings.Contains(string(h.Auth), "secret")
	}).OnConnection(func(s *socketio.Socket) { s.Emit("any", s.Namespace().Name()) })

	c := wiretest.Dial(t, url, path, "", nil)
	c.Join("/orders/7")
	c.Expect(`42/orders/7,["hello","/orders/7","7",""]`)
	c.Join("/users/ann")
	c.Expect(`42/users/ann,["hello","/users/ann","","ann"]`)
	c.Send(`40/orders/13,`)
	c.Expect(`44/orders/13,{"message":"unlucky","data":13}`)
	c.Join("/orders/vip")
	for _, name := range []string{"/orders/", "/orders/7/x", "/x/orders/7", "/orders/7\\n", "/any-1"} {
		c.Send(`40` + name + `,`)
		c.Expect(`44` + name + `,{"message":"Invalid namespace"}`)
	}
	c.Send(`40/any-1,{"token":"secret"}`)
	if got := c.Receive(); !strings.HasPrefix(got, `40/any-1,{"sid":`) {
		t.Fatalf("answer %s", got)
	}
	c.Expect(`42/any-1,["any","/any-1"]`)

	if err := io.Of("/orders/7").Emit("one"); err != nil {
		t.Fatal(err)
	}
	c.Expect(`42/orders/7,["one"]`)
	if err := parent.Emit("all"); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{c.Receive(): true, c.Receive(): true}
	if !got[`42/orders/7,["all"]`] || !got[`42/users/ann,["all"]`] {
		t.Errorf("broadcast to all children: %v", got)
	}
	if _, err := io.OfPattern(`(?!lookahead)`); err == nil {
		t.Error("a pattern that is no RE2 is taken")
	}
	if _, err := io.OfPattern(`/a)|(?:/b`); err == nil {
		t.Error("a pattern that leaves its group is taken")
	}
}

func TestRow42ConcurrentFirstConnects(t *testing.T) {
	const clients = 24
	for _, cleanup := range []bool{false, true} {
		t.Run(fmt.Sprintf("cleanup %v", cleanup), func(t *testing.T) {
			io, url := server(t, socketio.Options{CleanupEmptyChildNamespaces: cleanup})
			var mu sync.Mutex
			asked := 0
			parent := io.OfFunc(func(string, *socketio.Handshake) bool {
				mu.Lock()
				defer mu.Unlock()
				asked++
				return true
			})
			gone := make(chan struct{}, clients)
			parent.OnConnection(func(s *socketio.Socket) { s.OnDisconnect(func(string) { gone <- struct{}{} }) })
			var all sync.WaitGroup
			connected := make([]*wiretest.Client, clients)
			for i := range clients {
				connected[i] = wiretest.Dial(t, url, path, "", nil)
			}
			for _, c := range connected {
				all.Go(func() {
					c.Send(`40/new,`)
					if got := c.Receive(); !strings.HasPrefix(got, `40/new,{"sid":`) {
						t.Errorf("answer %s", got)
					}
				})
			}
			all.Wait()
			if got := parent.Children(); len(got) != 1 || got[0].Len() != clients {
				t.Fatalf("children %v, want one with %d sockets", got, clients)
			}
			for _, c := range connected {
				c.Send(`41/new,`)
			}
			for range clients {
				<-gone
			}
		})
	}
}

func TestRow42CleanupOfEmptyNamespaces(t *testing.T) {
	closed := make(chan string, 8)
	io, url := server(t, socketio.Options{
		CleanupEmptyChildNamespaces: true,
		NewAdapter: func(ns *socketio.Namespace) socketio.Adapter {
			return &closeWatch{Adapter: socketio.NewRooms(), closed: func() { closed <- ns.Name() }}
		},
	})
	parent, err := io.OfPattern(`/room-\d+`)
	if err != nil {
		t.Fatal(err)
	}
	parent.Use(func(s *socketio.Socket) error {
		if s.Namespace().Name() == "/room-3" {
			return errors.New("no")
		}
		return nil
	})
	c := wiretest.Dial(t, url, path, "", nil)
	for range 3 {
		c.Join("/room-1")
		c.Send(`41/room-1,`)
		if got := <-closed; got != "/room-1" {
			t.Errorf("closed %s", got)
		}
	}
	c.Send(`40/room-3,`)
	c.Expect(`44/room-3,{"message":"no"}`)
	if got := <-closed; got != "/room-3" {
		t.Errorf("closed %s", got)
	}
	c.Join("/room-2")
	if got := parent.Children(); len(got) != 1 || got[0].Name() != "/room-2" {
		t.Errorf("children %v", got)
	}
	io.RemoveNamespace("/room-2")
	c.Expect(`41/room-2,`)
	<-closed
	c.Join("/room-2")
}

// closeWatch tells when an adapter is closed.
type closeWatch struct {
	socketio.Adapter
	closed func()
}

func (a *closeWatch) Close() error {
	defer a.closed()
	return a.Adapter.Close()
}

func TestManyNamespacesLeftDoNotPileUp(t *testing.T) {
	io, url := server(t, socketio.Options{CleanupEmptyChildNamespaces: true})
	parent, err := io.OfPattern(`/n\d+`)
	if err != nil {
		t.Fatal(err)
	}
	c := wiretest.Dial(t, url, path, "", nil)
	for i := range 200 {
		name := fmt.Sprintf("/n%d", i)
		c.Join(name)
		c.Send(`41` + name + `,`)
	}
	c.Join("/n1")
	if n := len(parent.Children()); n != 1 {
		t.Errorf("%d namespaces are left", n)
	}
}
