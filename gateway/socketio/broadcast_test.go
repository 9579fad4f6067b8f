// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// trio has three clients: red is in rooms a and b, green in b, blue in none.
type trio struct {
	io               *socketio.Server
	red, green, blue *wiretest.Client
	redID, blueID    string
	redSocket        *socketio.Socket
}

func newTrio(t *testing.T) *trio {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 3)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	var x trio
	x.io = io
	x.red, x.redID = wiretest.Connect(t, url, path, "/")
	x.redSocket = <-sockets
	x.redSocket.Join("a", "b")
	x.green, _ = wiretest.Connect(t, url, path, "/")
	(<-sockets).Join("b")
	x.blue, x.blueID = wiretest.Connect(t, url, path, "/")
	<-sockets
	return &x
}

func TestBroadcastReachesWhoIsMeantOnce(t *testing.T) {
	tests := []struct {
		name             string
		emit             func(x *trio) error
		red, green, blue bool
	}{
		{"everybody", func(x *trio) error { return x.io.Of("/").Emit("e") }, true, true, true},
		{"a room", func(x *trio) error { return x.io.Of("/").To("a").Emit("e") }, true, false, false},
		{"two rooms", func(x *trio) error { return x.io.Of("/").To("a").To("b").Emit("e") }, true, true, false},
		{"two rooms at once", func(x *trio) error { return x.io.Of("/").To("b", "a", "b").Emit("e") }, true, true, false},
		{"a room but those of another", func(x *trio) error { return x.io.Of("/").To("b").Except("a").Emit("e") }, false, true, false},
		{"all but a room", func(x *trio) error { return x.io.Of("/").Except("b").Emit("e") }, false, false, true},
		{"a socket by its id", func(x *trio) error { return x.io.Of("/").To(x.blueID).Emit("e") }, false, false, true},
		{"all but a socket", func(x *trio) error { return x.io.Of("/").Except(x.redID).Emit("e") }, false, true, true},
		{"others", func(x *trio) error { return x.redSocket.Broadcast().Emit("e") }, false, true, true},
		{"others in a room", func(x *trio) error { return x.redSocket.To("b").Emit("e") }, false, true, false},
		{"a room without members", func(x *trio) error { return x.io.Of("/").To("nobody").Emit("e") }, false, false, false},
		{"no rooms at all", func(x *trio) error { return x.io.Of("/").To().Emit("e") }, false, false, false},
		{"a room that was left", func(x *trio) error { x.redSocket.Leave("a"); return x.io.Of("/").To("a").Emit("e") }, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTrio(t)
			if err := tt.emit(x); err != nil {
				t.Fatal(err)
			}
			if err := x.io.Of("/").Emit("end"); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				client *wiretest.Client
				meant  bool
			}{{x.red, tt.red}, {x.green, tt.green}, {x.blue, tt.blue}} {
				if c.meant {
					c.client.Expect(`42["e"]`)
				}
				c.client.Expect(`42["end"]`)
			}
		})
	}
}

func TestBroadcastCarriesBinary(t *testing.T) {
	x := newTrio(t)
	if err := x.io.Of("/").To("b").Emit("file", "name", []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*wiretest.Client{x.red, x.green} {
		c.Expect(`451-["file","name",{"_placeholder":true,"num":0}]`, "binary [1 2]")
	}
}

func TestReservedEventsAreNotEmitted(t *testing.T) {
	x := newTrio(t)
	if err := x.io.Of("/").Emit("disconnect"); !errors.Is(err, socketio.ErrReservedEvent) {
		t.Errorf("broadcast: %v", err)
	}
	if err := x.redSocket.Emit("connect_error"); !errors.Is(err, socketio.ErrReservedEvent) {
		t.Errorf("emit: %v", err)
	}
}

func TestAHalfMadeBroadcastCanBeKept(t *testing.T) {
	x := newTrio(t)
	b := x.io.Of("/").To("b")
	b.To("nobody")
	b.Except("a")
	if err := b.Emit("e"); err != nil {
		t.Fatal(err)
	}
	x.red.Expect(`42["e"]`)
	x.green.Expect(`42["e"]`)
}

func TestNamespacesAreSeparate(t *testing.T) {
	io, url := server(t, socketio.Options{})
	joined := make(chan struct{}, 2)
	join := func(s *socketio.Socket) {
		s.Join("room")
		joined <- struct{}{}
	}
	io.Of("/").OnConnection(join)
	io.Of("/other").OnConnection(join)
	one, _ := wiretest.Connect(t, url, path, "/")
	other, _ := wiretest.Connect(t, url, path, "/other")
	<-joined
	<-joined
	if err := io.Of("/other").To("room").Emit("e"); err != nil {
		t.Fatal(err)
	}
	if err := io.Of("/").To("room").Emit("f"); err != nil {
		t.Fatal(err)
	}
	other.Expect(`42/other,["e"]`)
	one.Expect(`42["f"]`)
}
