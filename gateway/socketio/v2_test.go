// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// v2Client speaks revision 3 of Engine.IO.
type v2Client struct {
	t    *testing.T
	conn *websocket.Conn
	sid  string
}

func dialV2(t *testing.T, url string) *v2Client {
	t.Helper()
	u := strings.Replace(url, "http", "ws", 1) + path + "?EIO=3&transport=websocket"
	conn, resp, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	t.Cleanup(func() { conn.Close() })
	c := &v2Client{t: t, conn: conn}
	var handshake struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(c.receive(), "0")), &handshake); err != nil {
		t.Fatal(err)
	}
	c.sid = handshake.SID
	return c
}

func (c *v2Client) receive() string {
	c.t.Helper()
	_, data, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

func (c *v2Client) send(packet string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *v2Client) expect(packets ...string) {
	c.t.Helper()
	for _, want := range packets {
		if got := c.receive(); got != want {
			c.t.Fatalf("received %s, want %s", got, want)
		}
	}
}

func TestRow35ClientsOf2x(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	io.OnConnection(func(s *socketio.Socket) {
		s.Emit("hello")
		s.On("echo", func(ev *socketio.Event) { ev.Ack(ev.Args) })
	})
	io.Of("/ns").Use(func(s *socketio.Socket) error {
		switch s.Handshake().Query.Get("refuse") + string(s.Handshake().Auth) {
		case `{"refuse":"text"}`:
			return errors.New("no")
		case `{"refuse":"data"}`:
			return &socketio.ConnectError{Message: "no", Data: map[string]int{"code": 3}}
		}
		return nil
	})
	io.Of("/ns").OnConnection(func(s *socketio.Socket) { s.Emit("auth", s.Handshake().Auth) })

	c := dialV2(t, url)
	c.expect(`40`, `42["hello"]`)
	c.send(`421["echo",2]`)
	c.expect(`431[2]`)
	c.send(`40/ns?refuse=text,`)
	c.expect(`44/ns,"no"`)
	c.send(`40/ns?refuse=data`)
	c.expect(`44/ns,{"code":3}`)
	c.send(`40/ns?test=123&test=%20x`)
	c.expect(`40/ns,`, `42/ns,["auth",{"test":" x"}]`)
	c.send(`40/unknown`)
	c.expect(`44/unknown,{"message":"Invalid namespace"}`)
}

// A 2.x client takes the id of its session for that of its socket. Who knows the former can post in
// its name, so nothing that others see of a socket may have it.
func TestRow35ASessionsIDIsNotShown(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	watched := &roomNames{}
	sockets := make(chan *socketio.Socket, 2)
	for _, name := range []string{"/", "/ns"} {
		ns := io.Of(name)
		rooms, ok := ns.Adapter().(*socketio.Rooms)
		if !ok {
			t.Fatalf("adapter %T", ns.Adapter())
		}
		rooms.Watch(watched)
		ns.OnConnection(func(s *socketio.Socket) { sockets <- s })
	}
	c := dialV2(t, url)
	c.expect(`40`)
	c.send(`40/ns`)
	c.expect(`40/ns,`)
	for range 2 {
		s := <-sockets
		s.Join("room")
		fetched, err := s.Namespace().FetchSockets(t.Context())
		if err != nil || len(fetched) != 1 || len(fetched[0].Rooms) != 2 {
			t.Fatalf("fetched %v, %v", fetched, err)
		}
		shown, err := json.Marshal([]any{s.ID(), s.LogAttr().String(), s.Rooms(), fetched})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(shown), c.sid) {
			t.Errorf("session %s is shown in %s", c.sid, shown)
		}
		s.Disconnect(false)
	}
	if seen := strings.Join(watched.names, " "); strings.Contains(seen, c.sid) {
		t.Errorf("who watches rooms hears of %s, session %s", seen, c.sid)
	}
}

// roomNames are the rooms that a watcher is told of. Rooms are locked while it is.
type roomNames struct{ names []string }

func (w *roomNames) Joined(_ *socketio.Socket, room string) { w.names = append(w.names, room) }
func (w *roomNames) Left(_ *socketio.Socket, room string)   { w.names = append(w.names, room) }
func (w *roomNames) Closed()                                {}

func TestRow35AClientIsReachedByTheIDThatItKnows(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	sockets := make(chan *socketio.Socket, 2)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	io.Of("/ns").OnConnection(func(s *socketio.Socket) { sockets <- s })
	c := dialV2(t, url)
	c.expect(`40`)
	c.send(`40/ns`)
	c.expect(`40/ns,`)
	first, second := <-sockets, <-sockets
	for _, tt := range []struct {
		to   *socketio.Broadcast
		want string
	}{
		{io.To(first.ID()), `42["direct"]`},
		{io.To(c.sid), `42["direct"]`},
		{io.To(c.sid, first.ID()), `42["direct"]`}, // once
		{io.Of("/ns").To(second.ID()), `42/ns,["direct"]`},
		{io.Of("/ns").To("/ns#" + c.sid), `42/ns,["direct"]`},
		{io.Of("/ns").Except("/ns#" + c.sid), ``},
	} {
		if err := tt.to.Emit("direct"); err != nil {
			t.Fatal(err)
		}
		if tt.want != "" {
			c.expect(tt.want)
		}
	}
	if err := io.Emit("end"); err != nil {
		t.Fatal(err)
	}
	c.expect(`42["end"]`)
}

func TestRow35MainNamespaceRefusesClientsOf2x(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	io.Use(func(*socketio.Socket) error { return errors.New("no") })
	dialV2(t, url).expect(`44"no"`)
}
