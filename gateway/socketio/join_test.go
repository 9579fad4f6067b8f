// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var errSecret = errors.New("the room is secret")

// onlyAnn keeps everybody else out of rooms that are called secret.
func onlyAnn(s *socketio.Socket, rooms []string) error {
	id := s.Identity()
	if id != nil && id.User == "ann" {
		return nil
	}
	if slices.ContainsFunc(rooms, func(room string) bool { return strings.HasPrefix(room, "secret") }) {
		return errSecret
	}
	return nil
}

var wantRooms = sockettest.WantRooms

func TestNothingGetsAroundAJoinRule(t *testing.T) {
	for name, join := range map[string]func(t *testing.T, io *socketio.Server, s *socketio.Socket){
		"a socket that joins": func(t *testing.T, _ *socketio.Server, s *socketio.Socket) {
			if err := s.Join("open", "secret"); !errors.Is(err, errSecret) {
				t.Errorf("both: %v", err)
			}
			wantRooms(t, s)
			if err := s.Join("open"); err != nil {
				t.Error(err)
			}
		},
		"sockets that are put into rooms": func(t *testing.T, io *socketio.Server, s *socketio.Socket) {
			for _, rooms := range [][]string{{"open"}, {"secret"}, {"secret", "open 2"}} {
				if err := io.SocketsJoin(t.Context(), rooms...); err != nil {
					t.Error(err)
				}
			}
		},
		"those of a room": func(t *testing.T, io *socketio.Server, s *socketio.Socket) {
			if err := errors.Join(io.In(s.ID()).SocketsJoin(t.Context(), "open"), io.In("open").SocketsJoin(t.Context(), "secret")); err != nil {
				t.Error(err)
			}
		},
		"one that was fetched": func(t *testing.T, io *socketio.Server, s *socketio.Socket) {
			sockets, err := io.FetchSockets(t.Context())
			if err != nil || len(sockets) != 1 {
				t.Fatal(sockets, err)
			}
			if err := errors.Join(sockets[0].Join(t.Context(), "open"), sockets[0].Join(t.Context(), "secret")); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			io, url := server(t, socketio.Options{})
			io.Of("/").SetJoinRule(onlyAnn)
			sockets := make(chan *socketio.Socket, 1)
			io.OnConnection(func(s *socketio.Socket) { sockets <- s })
			wiretest.Connect(t, url, path, "/")
			s := within(t, sockets, "a socket")
			join(t, io, s)
			wantRooms(t, s, "open")
		})
	}
	t.Run("a middleware", func(t *testing.T) {
		io, url := server(t, socketio.Options{})
		io.Of("/").SetJoinRule(onlyAnn)
		io.Use(func(s *socketio.Socket) error { return errors.Join(s.Join("open"), s.Join("secret")) })
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send("40")
		c.Expect(`44{"message":"join: the room is secret"}`)
		if rooms := io.Of("/").Rooms(); len(rooms) != 0 {
			t.Errorf("rooms %v", rooms)
		}
	})
	t.Run("a dynamic namespace", func(t *testing.T) {
		io, url := server(t, socketio.Options{})
		sockets := make(chan *socketio.Socket, 1)
		io.OfNames(func(string) bool { return true }).
			OnNamespace(func(ns *socketio.Namespace) { ns.SetJoinRule(onlyAnn) }).
			OnConnection(func(s *socketio.Socket) { sockets <- s })
		wiretest.Connect(t, url, path, "/dynamic")
		s := within(t, sockets, "a socket")
		if err := s.Join("secret"); !errors.Is(err, errSecret) {
			t.Error(err)
		}
		wantRooms(t, s)
	})
}

func TestAJoinRuleIsAskedForNewRoomsAlone(t *testing.T) {
	io, url := server(t, socketio.Options{})
	asked := make(chan string, 8)
	rule := func(_ *socketio.Socket, rooms []string) error {
		asked <- fmt.Sprint(rooms)
		return nil
	}
	io.Of("/").SetJoinRule(rule)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	wiretest.Connect(t, url, path, "/")
	s := within(t, sockets, "a socket")
	for _, rooms := range [][]string{{"a", s.ID()}, {"a", "b"}, {"b", "a"}, {s.ID()}, {}} {
		if err := s.Join(rooms...); err != nil {
			t.Error(err)
		}
	}
	io.Of("/").SetJoinRule(nil)
	if err := s.Join("c"); err != nil {
		t.Error(err)
	}
	close(asked)
	var got []string
	for rooms := range asked {
		got = append(got, rooms)
	}
	if want := []string{"[a]", "[b]"}; !slices.Equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
	wantRooms(t, s, "a", "b", "c")
}

func TestJoinSaysThatASocketHasGone(t *testing.T) {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	wiretest.Connect(t, url, path, "/")
	s := within(t, sockets, "a socket")
	s.Disconnect(true)
	within(t, s.Context().Done(), "the end")
	if err := s.Join("room"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Error(err)
	}
}

// The client has missed events of all its rooms, and may not be in one of them any more.
func TestRow53AClientComesBackToTheRoomsThatItMayBeIn(t *testing.T) {
	for _, away := range []bool{true, false} {
		r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
		g := r.arrive(t, "open", "secret", "secret too")
		if away {
			g.vanish()
		}
		main := r.io.Of("/")
		main.SetJoinRule(onlyAnn)
		emit(t, r.io.To("open"), "n", 1)
		emit(t, r.io.To("secret"), "n", "secret")
		emit(t, r.io.To("secret", "secret too"), "n", "secret")
		emit(t, r.io.To("secret", "open"), "n", 2)
		emit(t, r.io.To(g.SID), "n", 3)
		emit(t, r.io, "n", 4)
		g.mustConnect(`["n",1]`, `["n",2]`, `["n",3]`, `["n",4]`)
		wantRooms(t, g.socket, "open")
		emit(t, r.io.To("secret"), "n", "secret")
		main.SetJoinRule(nil) // what it has lost does not come back
		g.vanish()
		g.mustConnect()
		wantRooms(t, g.socket, "open")
	}
}

// A place is taken where a socket joins or returns, and given back if it does not return.
func TestPlacesAreTakenWithTheRoomsThatSocketsAreIn(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{MaxMessages: 3}})
	var mu sync.Mutex
	var calls []string
	called := func(what string) func(*socketio.Socket, []string) {
		return func(_ *socketio.Socket, rooms []string) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, what+" "+strings.Join(rooms, " "))
		}
	}
	want := func(want ...string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(calls, want) {
			t.Errorf("the calls are %q, want %q", calls, want)
		}
		calls = nil
	}
	errFull := errors.New("full")
	main := r.io.Of("/")
	main.SetJoinRule(onlyAnn)
	main.SetPlaces(&socketio.Places{
		Take: func(s *socketio.Socket, rooms []string) []error {
			called("take")(s, rooms)
			errs := make([]error, len(rooms))
			if i := slices.Index(rooms, "full"); i >= 0 {
				errs[i] = errFull
			}
			return errs
		},
		GiveBack: called("give back"),
	})
	g := r.arrive(t, "room")
	want("take room")
	if err := g.socket.Join("room", "full"); !errors.Is(err, errFull) {
		t.Errorf("a full room: %v", err)
	}
	want("take full")
	if err := g.socket.Join("secret"); !errors.Is(err, errSecret) {
		t.Errorf("a room that is not allowed: %v", err)
	}
	want()
	if err := g.socket.Join("other", "full"); !errors.Is(err, errFull) {
		t.Errorf("a full room and another: %v", err)
	}
	want("take other full", "give back other")

	g.vanish()
	g.mustConnect()
	want("take room")
	g.vanish()
	for i := range 4 {
		emit(t, r.io.To("room"), "n", i)
	}
	if g.connect() {
		t.Fatal("recovered, though it has missed too much")
	}
	want("take room", "give back room")

	main.SetPlaces(nil)
	if err := g.socket.Join("full"); err != nil {
		t.Error(err)
	}
	want()
}

func TestRow53ARuleJudgesAClientAsWhoItIsNow(t *testing.T) {
	r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
	r.io.Use(byToken)
	r.io.Of("/").SetJoinRule(onlyAnn)
	g := &guest{Guest: wiretest.Guest{T: t, Token: "ann/1"}, to: r}
	g.connect()
	if err := g.socket.Join("secret"); err != nil {
		t.Fatal(err)
	}
	g.vanish()
	emit(t, r.io.To("secret"), "n", 1)
	g.mustConnect(`["n",1]`)
	wantRooms(t, g.socket, "secret")
}
