// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// refuseAll is a middleware.
func refuseAll(*socketio.Socket) error { return errors.New("not you") }

func TestNamespaceThatServerNamesFirstBelongsToItsPattern(t *testing.T) {
	io, url := server(t, socketio.Options{})
	parent, err := io.OfPattern(`/orders/(?P<id>[0-9]+)`)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	parent.Use(refuseAll).OnNamespace(func(ns *socketio.Namespace) { made = append(made, ns.Name()) })
	if err := io.Of("/orders/5").Emit("nobody is there yet"); err != nil {
		t.Fatal(err)
	}
	if got := io.Of("/orders/5").Param("id"); got != "5" {
		t.Errorf("param %q", got)
	}
	if !slices.Equal(made, []string{"/orders/5"}) || len(parent.Children()) != 1 {
		t.Errorf("made %q, %d children", made, len(parent.Children()))
	}
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40/orders/5,`)
	c.Expect(`44/orders/5,{"message":"not you"}`)
}

func TestNamespaceThatServerNamesFirstBelongsToTheFunctionThatAcceptsAClient(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/tenant-0") // before the function, and so none of it
	io.OfFunc(func(name string, h *socketio.Handshake) bool {
		return strings.HasPrefix(name, "/tenant-") && string(h.Auth) != "{}"
	}).Use(refuseAll)
	io.Of("/tenant-1")
	io.Of("/chat")

	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40/tenant-1,{"token":"x"}`)
	c.Expect(`44/tenant-1,{"message":"not you"}`)
	c.Send(`40/tenant-1,`) // the function would not accept this one, but it is the parent now
	c.Expect(`44/tenant-1,{"message":"not you"}`)
	c.Join("/tenant-0")
	c.Join("/chat")
}

func TestMainNamespaceHasNoParent(t *testing.T) {
	io, url := server(t, socketio.Options{})
	parent, err := io.OfPattern(`/.*`)
	if err != nil {
		t.Fatal(err)
	}
	parent.Use(refuseAll)
	io.OnConnection(func(s *socketio.Socket) { s.Emit("hello") })
	wiretest.Dial(t, url, path, "", nil).Join("/")
}

func TestAddNamespaceHasNoParent(t *testing.T) {
	io, url := server(t, socketio.Options{})
	parent, err := io.OfPattern(`/a.*`)
	if err != nil {
		t.Fatal(err)
	}
	parent.Use(refuseAll)
	io.AddNamespace("admin", func(*socketio.Namespace) {})
	wiretest.Dial(t, url, path, "", nil).Join("/admin")
}

func TestNamesOfNamespacesMayLackTheSlash(t *testing.T) {
	io, url := server(t, socketio.Options{})
	var made []string
	io.OnNamespace(func(ns *socketio.Namespace) { made = append(made, ns.Name()) })
	if io.Of("chat") != io.Of("/chat") || io.Of("") != io.Of("/") {
		t.Error("a name without its slash is another namespace")
	}
	c := wiretest.Dial(t, url, path, "", nil)
	c.Join("/chat")
	io.RemoveNamespace("chat")
	c.Expect(`41/chat,`)
	if !slices.Equal(made, []string{"/chat", "/"}) {
		t.Errorf("made %q", made)
	}
}

func TestParentAimsAtRoomsOfAllChildren(t *testing.T) {
	io, url := server(t, socketio.Options{})
	parent, err := io.OfPattern(`/n[0-9]`)
	if err != nil {
		t.Fatal(err)
	}
	parent.OnConnection(func(s *socketio.Socket) {
		if s.Namespace().Name() != "/n3" {
			s.Join("red")
		}
		if s.Namespace().Name() == "/n2" {
			s.Join("blue")
		}
		s.Emit("ready")
	})
	clients := map[string]*wiretest.Client{}
	for _, name := range []string{"/n1", "/n2", "/n3"} {
		clients[name], _ = wiretest.Connect(t, url, path, name)
		clients[name].Expect(`42` + name + `,["ready"]`)
	}
	if err := errors.Join(
		parent.To("red").Emit("1"), parent.In("red").Except("blue").Emit("2"), parent.Except("red").Emit("3"),
		parent.Local().Compress(false).Emit("4"),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/n1": "124", "/n2": "14", "/n3": "34"} {
		for _, event := range want {
			clients[name].Expect(`42` + name + `,["` + string(event) + `"]`)
		}
	}
	if err := parent.Volatile().Emit("connect"); err != nil && !errors.Is(err, socketio.ErrReservedEvent) || err == nil {
		t.Errorf("emit a reserved event: %v", err)
	}
}

func TestRoomsAndTheirSizes(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) {
		s.Join("all", s.Handshake().Query.Get("in"))
		s.Emit("ready")
	})
	for _, room := range []string{"a", "b", "a"} {
		c := wiretest.Dial(t, url, path, "&in="+room, nil)
		c.Join("/")
		c.Expect(`42["ready"]`)
	}
	ns := io.Of("/")
	if got := ns.Rooms(); len(got) != 3 || got["all"] != 3 || got["a"] != 2 || got["b"] != 1 {
		t.Errorf("rooms %v", got)
	}
	if a, none := ns.RoomSize("a"), ns.RoomSize("c"); a != 2 || none != 0 {
		t.Errorf("sizes %d, %d", a, none)
	}
}
