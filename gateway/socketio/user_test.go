// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// asUser connects as a user of byToken, and returns the server's socket.
func asUser(t *testing.T, io *socketio.Server, url, user string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40{"token":"` + user + `"}`)
	if answer := c.Receive(); answer[:3] != "40{" {
		t.Fatalf("answered %s", answer)
	}
	sockets := io.Of("/").Sockets()
	i := slices.IndexFunc(sockets, func(s *socketio.Socket) bool { return s.Identity() != nil && s.Identity().User == user })
	return c, sockets[i]
}

// rooms watches.
type rooms struct{ seen chan string }

func (r rooms) Joined(_ *socketio.Socket, room string) { r.seen <- room }
func (r rooms) Left(_ *socketio.Socket, room string)   { r.seen <- room }
func (rooms) Closed()                                  {}

func TestSocketsAreInTheRoomOfTheirUser(t *testing.T) {
	io, url := server(t, socketio.Options{})
	ns := io.Of("/")
	ns.Use(byToken)
	seen := rooms{make(chan string, 10)}
	ns.Adapter().(socketio.WatchableRooms).Watch(seen)
	_, early := asUser(t, io, url, "early")
	ns.AddressUsers(true)
	ann, s := asUser(t, io, url, "ann")
	bob, other := asUser(t, io, url, "bob")
	anonymous, _ := wiretest.Connect(t, url, path, "/")
	own, others := userroom.Of("tokens", "ann"), userroom.Of("tokens", "bob")

	if err := io.To(own).Emit("told", 1); err != nil {
		t.Fatal(err)
	}
	ann.Expect(`42["told",1]`)

	// Nobody else joins it, even without a rule, and whoever asks for it.
	if err := s.Join("hall", others); !errors.Is(err, userroom.ErrOthers) {
		t.Errorf("join of another's room: %v", err)
	}
	if err := s.Join("hall", own); err != nil {
		t.Errorf("join of the own room: %v", err)
	}
	if err := io.SocketsJoin(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if n, err := io.In(own).CountSockets(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sockets are in the room of ann, %v", n, err)
	}
	// A socket that was there before is, when it is asked to.
	if n, err := io.In(userroom.Of("tokens", "early")).CountSockets(t.Context()); n != 0 || err != nil {
		t.Errorf("%d sockets are in the room of early, %v", n, err)
	}
	if err := early.Join(early.Identity().Room()); err != nil {
		t.Error(err)
	}
	if n, err := io.In(userroom.Of("tokens", "early")).CountSockets(t.Context()); n != 1 || err != nil {
		t.Errorf("%d sockets are in the room of early, %v", n, err)
	}

	// Nothing shows it.
	wantRooms(t, s, "hall")
	wantRooms(t, other)
	if sizes := ns.Rooms(); !maps.Equal(sizes, map[string]int{"hall": 1}) {
		t.Errorf("rooms %v", sizes)
	}
	described, err := io.In(own).FetchSockets(t.Context())
	if err != nil || len(described) != 1 || slices.ContainsFunc(described[0].Rooms, userroom.Is) {
		t.Errorf("sockets %v, %v", described, err)
	}
	left := 0
	s.LeaveWhere(func(string) bool {
		left++
		return true
	})
	if left != 1 {
		t.Errorf("asked about %d rooms, want hall alone", left)
	}
	if err := io.To(own, others).Emit("told", 2); err != nil {
		t.Fatal(err)
	}
	ann.Expect(`42["told",2]`)
	bob.Expect(`42["told",2]`)
	if err := io.Emit("all"); err != nil {
		t.Fatal(err)
	}
	anonymous.Expect(`42["all"]`)
	ns.Adapter().(socketio.WatchableRooms).Watch(nil)
	close(seen.seen)
	for room := range seen.seen {
		if userroom.Is(room) {
			t.Errorf("a watcher is told of %q", room)
		}
	}
}

func TestTheRoomOfAUserIsNoneOfTheClients(t *testing.T) {
	io, url := server(t, socketio.Options{Limits: &socketio.Limits{Rooms: 1}})
	ns := io.Of("/")
	ns.Use(byToken)
	ns.AddressUsers(true)
	asked := make(chan []string, 4)
	ns.SetJoinRule(func(s *socketio.Socket, rooms []string) error {
		asked <- rooms
		return s.CheckJoin(rooms...)
	})
	_, s := asUser(t, io, url, "ann")
	if left, bounded := s.RoomsLeft(); left != 1 || !bounded {
		t.Errorf("%d rooms are left", left)
	}
	if err := s.Join(s.Identity().Room(), "hall"); err != nil {
		t.Error(err)
	}
	if rooms := <-asked; !slices.Equal(rooms, []string{"hall"}) {
		t.Errorf("the rule is asked about %q", rooms)
	}
	if err := s.Join("kitchen"); err == nil {
		t.Error("a room more than the limit is joined")
	}
	<-asked
}

// A session may have the room of another user: a server of an earlier release has let the socket
// join it.
func TestAUserComesBackToTheOwnRoomAlone(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
	r.io.Use(byToken)
	ns := r.io.Of("/")
	ns.AddressUsers(true)
	g := &guest{Guest: wiretest.Guest{T: t, Token: "ann/1"}, to: r}
	g.connect()
	own, others := g.socket.Identity().Room(), userroom.Of("tokens", "bob")
	ns.Adapter().Join(g.socket, others)
	for _, rule := range []socketio.JoinRule{nil, onlyAnn} {
		ns.SetJoinRule(rule)
		g.vanish()
		emit(t, r.io.To(own), "n", 1)
		emit(t, r.io.To(others), "n", "secret")
		g.mustConnect(`["n",1]`)
		emit(t, r.io.To(others), "n", "secret")
		emit(t, r.io.To(own), "n", 2)
		g.Expect(`["n",2]`)
	}
	// It stays there when no further sockets join.
	ns.AddressUsers(false)
	g.vanish()
	emit(t, r.io.To(own), "n", 3)
	g.mustConnect(`["n",3]`)
}
