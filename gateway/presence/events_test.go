// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const path = "/socket.io/"

// server is a Socket.IO server with presence, alone or one of a cluster.
type server struct {
	io      *socketio.Server
	tracker *presence.Tracker
	url     string
	sockets chan *socketio.Socket
}

func newServer(t *testing.T, natsURL string, c presence.Config) *server {
	t.Helper()
	o := socketio.Options{}
	o.Engine.Path = path
	var link *cluster.Cluster
	if natsURL != "" {
		var err error
		if link, err = cluster.Connect(cluster.Options{Service: "default/chat", URLs: []string{natsURL}}); err != nil {
			t.Fatal(err)
		}
		o.NewAdapter, o.NewSocketID = link.NewAdapter, link.NewSocketID
	}
	io, err := socketio.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{io: io, tracker: trackerOf(t, io), sockets: make(chan *socketio.Socket, 1)}
	s.tracker.Configure(c)
	io.OnConnection(func(socket *socketio.Socket) { s.sockets <- socket })
	hs := httptest.NewServer(io)
	s.url = hs.URL
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		if link != nil {
			link.Close()
		}
		hs.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// client is one who keeps the list of a room as docs/how-to/presence.md tells.
type client struct {
	*wiretest.Client
	t      *testing.T
	socket *socketio.Socket
	people map[string]string
	events []message
}

// message is a state or a batch.
type message struct {
	Room                           string
	Count                          int
	Members, Joined, Left, Updated []presence.Member
	Truncated                      bool
	Next                           string
}

func (s *server) client(t *testing.T, rooms ...string) *client {
	t.Helper()
	w, _ := wiretest.Connect(t, s.url, path, "/")
	c := &client{Client: w, t: t, socket: <-s.sockets, people: map[string]string{}}
	c.socket.Join(rooms...)
	return c
}

// next takes the next event, which must be of presence.
func (c *client) next() message {
	c.t.Helper()
	text := c.Receive()
	var m message
	raw := strings.TrimSuffix(strings.TrimPrefix(text, `42["presence",`), "]")
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	if m.Members != nil {
		clear(c.people)
	}
	for _, p := range [][]presence.Member{m.Members, m.Joined, m.Updated} {
		for _, member := range p {
			c.people[member.ID] = string(member.Info)
		}
	}
	for _, member := range m.Left {
		delete(c.people, member.ID)
	}
	c.events = append(c.events, m)
	return m
}

// until reads events until the client knows of these, by id.
func (c *client) until(want map[string]string) {
	c.t.Helper()
	for {
		m := c.next()
		if cmp.Equal(c.people, want) {
			if m.Count != len(want) {
				c.t.Errorf("the count is %d for %d members", m.Count, len(want))
			}
			return
		}
		if len(c.events) > 50 {
			c.t.Fatalf("50 events, and still %v, want %v", c.people, want)
		}
	}
}

// named shows what a test has stored with the socket.
func named(s *socketio.Socket, _ string) any { return s.Data() }

func lobby(room string) bool { return room == "lobby" }

func TestMembersSeeEachOther(t *testing.T) {
	for _, where := range []string{"one server", "two gateways"} {
		t.Run(where, func(t *testing.T) {
			checkNothingIsLeft(t)
			url := ""
			if where == "two gateways" {
				url = natstest.Start(t, nil).ClientURL()
			}
			one := newServer(t, url, presence.Config{Tracks: lobby, Info: named})
			two := one
			if url != "" {
				two = newServer(t, url, presence.Config{Tracks: lobby, Info: named})
			}
			ada, bob := one.client(t, "elsewhere"), two.client(t)
			ada.socket.SetData("Ada")
			ada.socket.Join("lobby")
			ada.until(map[string]string{ada.socket.ID(): `"Ada"`})
			if first := ada.events[0]; first.Members == nil || first.Room != "lobby" || len(first.Members) != 1 {
				t.Errorf("the first event is %+v", first)
			}
			bob.socket.SetData("<Bob>")
			bob.socket.Join("lobby")
			both := map[string]string{ada.socket.ID(): `"Ada"`, bob.socket.ID(): `"<Bob>"`}
			ada.until(both)
			bob.until(both)

			bob.socket.SetData(map[string]int{"age": 3})
			two.tracker.Touch(bob.socket)
			both[bob.socket.ID()] = `{"age":3}`
			ada.until(both)
			if last := ada.events[len(ada.events)-1]; len(last.Updated) != 1 || len(last.Joined)+len(last.Left) != 0 {
				t.Errorf("a change is told as %+v", last)
			}
			bob.until(both)
			// Who has no info is there all the same, and one in two rooms is told of one.
			eve := one.client(t, "lobby", "elsewhere")
			both[eve.socket.ID()] = ""
			ada.until(both)
			bob.until(both)

			eve.Close()
			delete(both, eve.socket.ID())
			ada.until(both)
			bob.until(both)
			if last := bob.events[len(bob.events)-1]; len(last.Left) != 1 || last.Left[0].ID != eve.socket.ID() {
				t.Errorf("one has left: %+v", last)
			}
			ada.socket.Leave("lobby")
			bob.until(map[string]string{bob.socket.ID(): `{"age":3}`})
			// Ada has left, and hears no more.
			if err := one.io.To(ada.socket.ID()).Emit("end"); err != nil {
				t.Fatal(err)
			}
			for text := ada.Receive(); text != `42["end"]`; text = ada.Receive() {
				if !strings.Contains(text, `"left":[{"id":"`) {
					t.Errorf("who has left is told %s", text)
				}
			}
		})
	}
}

func TestASocketInTwoRoomsIsAMemberOfBoth(t *testing.T) {
	checkNothingIsLeft(t)
	s := newServer(t, "", presence.Config{Tracks: func(room string) bool { return len(room) == 1 }})
	ada := s.client(t, "a", "b", "long")
	rooms := map[string]int{}
	for range 4 {
		m := ada.next()
		rooms[m.Room]++
		if m.Count != 1 {
			t.Errorf("%+v", m)
		}
	}
	if d := cmp.Diff(map[string]int{"a": 2, "b": 2}, rooms); d != "" {
		t.Error(d)
	}
	if rooms, members := s.tracker.Size(); rooms != 2 || members != 2 {
		t.Errorf("%d rooms, %d members", rooms, members)
	}
	ada.socket.Disconnect(true)
	wiretest.Await(t, "all to be forgotten", func() bool { rooms, _ := s.tracker.Size(); return rooms == 0 })
}

func TestManyChangesAreCutAndCounted(t *testing.T) {
	checkNothingIsLeft(t)
	s := newServer(t, "", presence.Config{Tracks: everyRoom})
	ada := s.client(t, "room")
	ada.until(map[string]string{ada.socket.ID(): ""})
	for i := range 250 {
		s.tracker.Enter(strings.Repeat("x", 3)+string(rune('a'+i/26))+string(rune('a'+i%26)), "room")
	}
	for {
		m := ada.next()
		if m.Count != 251 {
			continue // the batch of her own coming
		}
		if n := len(m.Joined); n != 100 || !m.Truncated {
			t.Errorf("%d of 250 are named, truncated %v", n, m.Truncated)
		}
		break
	}
	bob := s.client(t, "room")
	if m := bob.next(); len(m.Members) != 100 || m.Count != 252 || m.Next != m.Members[99].ID {
		t.Errorf("who comes gets %d of %d, next %q", len(m.Members), m.Count, m.Next)
	}
}

func TestPresenceThatIsTurnedOnAndOffConcernsThoseWhoAreThere(t *testing.T) {
	checkNothingIsLeft(t)
	url := natstest.Start(t, nil).ClientURL()
	one, two := newServer(t, url, presence.Config{}), newServer(t, url, presence.Config{})
	ada, bob := one.client(t, "lobby"), two.client(t, "lobby")
	ids := map[string]string{ada.socket.ID(): "", bob.socket.ID(): ""}
	for _, s := range []*server{one, two} {
		s.tracker.Configure(presence.Config{Tracks: lobby})
	}
	ada.until(ids)
	bob.until(ids)

	bob.socket.SetData("Bob")
	for _, s := range []*server{one, two} {
		s.tracker.Configure(presence.Config{Tracks: lobby, Info: named})
	}
	ids[bob.socket.ID()] = `"Bob"`
	ada.until(ids)

	one.tracker.Configure(presence.Config{})
	bob.until(map[string]string{bob.socket.ID(): `"Bob"`})
	if _, err := one.tracker.Page(t.Context(), "lobby", "", 1); err == nil {
		t.Error("a room without presence has members")
	}
}

func TestTooMuchInfoIsNotShown(t *testing.T) {
	checkNothingIsLeft(t)
	s := newServer(t, "", presence.Config{Tracks: lobby, Info: named})
	ada := s.client(t)
	ada.socket.SetData(strings.Repeat("x", presence.MaxInfo))
	ada.socket.Join("lobby")
	ada.until(map[string]string{ada.socket.ID(): ""})
	ada.socket.SetData(func() {}) // it has no JSON
	s.tracker.Touch(ada.socket)
	p, err := s.tracker.Page(t.Context(), "lobby", "", 10)
	if err != nil || len(p.Members) != 1 || p.Members[0].Info != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhoIsNotConnectedYetIsNoMemberYet(t *testing.T) {
	checkNothingIsLeft(t)
	s := newServer(t, "", presence.Config{Tracks: lobby})
	held, goOn := make(chan struct{}), make(chan error)
	ada := s.client(t, "lobby")
	ada.until(map[string]string{ada.socket.ID(): ""})
	s.io.Use(func(socket *socketio.Socket) error {
		socket.Join("lobby")
		close(held)
		return <-goOn
	})
	bob := wiretest.Dial(t, s.url, path, "", nil)
	bob.Send("40")
	<-held
	if p, err := s.tracker.Page(t.Context(), "lobby", "", 10); err != nil || p.Count != 1 {
		t.Errorf("%d members, %v", p.Count, err)
	}
	goOn <- nil
	if got := bob.Receive(); !strings.HasPrefix(got, "40") {
		t.Fatal(got)
	}
	if got := bob.Receive(); !strings.Contains(got, `"members":[`) || !strings.Contains(got, `"count":2`) {
		t.Errorf("the first event is %s", got)
	}
	<-s.sockets
}

func TestAnotherWatcherIsLeftInPeace(t *testing.T) {
	s, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Of("/").Adapter().(*socketio.Rooms).Watch(nobody{})
	if _, err := presence.Of(s.Of("/")); err == nil || !strings.Contains(err.Error(), "nobody watches the rooms") {
		t.Errorf("presence beside another watcher: %v", err)
	}
}

// As an adapter of an application's own, which implements what it must.
func TestAnAdapterThatCannotBeWatchedIsNamed(t *testing.T) {
	s, err := socketio.NewServer(socketio.Options{
		NewAdapter: func(*socketio.Namespace) socketio.Adapter { return bare{socketio.NewRooms()} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := presence.Of(s.Of("/")); err == nil || !strings.Contains(err.Error(), "a presence_test.bare does not tell") {
		t.Errorf("presence on an adapter that cannot be watched: %v", err)
	}
}

type bare struct{ socketio.Adapter }

type nobody struct{}

func (nobody) Joined(*socketio.Socket, string) {}
func (nobody) Left(*socketio.Socket, string)   {}
func (nobody) Closed()                         {}
