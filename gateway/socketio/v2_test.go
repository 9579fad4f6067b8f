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
		s.Emit("hello", s.ID())
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
	io.Of("/ns").OnConnection(func(s *socketio.Socket) { s.Emit("auth", s.Handshake().Auth, s.ID()) })

	c := dialV2(t, url)
	c.expect(`40`, `42["hello","`+c.sid+`"]`)
	c.send(`421["echo",2]`)
	c.expect(`431[2]`)
	c.send(`40/ns?refuse=text,`)
	c.expect(`44/ns,"no"`)
	c.send(`40/ns?refuse=data`)
	c.expect(`44/ns,{"code":3}`)
	c.send(`40/ns?test=123&test=%20x`)
	c.expect(`40/ns,`, `42/ns,["auth",{"test":" x"},"/ns#`+c.sid+`"]`)
	c.send(`40/unknown`)
	c.expect(`44/unknown,{"message":"Invalid namespace"}`)
	if err := io.To(c.sid).Emit("direct"); err != nil {
		t.Fatal(err)
	}
	c.expect(`42["direct"]`)
}

func TestRow35MainNamespaceRefusesClientsOf2x(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	io.Use(func(*socketio.Socket) error { return errors.New("no") })
	dialV2(t, url).expect(`44"no"`)
}
