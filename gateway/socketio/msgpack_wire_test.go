// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

type object = map[string]any

// msgpackClient shows packets as msgpack has them.
type msgpackClient struct {
	t    *testing.T
	conn *websocket.Conn
}

func dialMsgpack(t *testing.T, url string) *msgpackClient {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http", "ws", 1)+path+"?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	t.Cleanup(func() { conn.Close() })
	if _, _, err := conn.ReadMessage(); err != nil { // the open packet
		t.Fatal(err)
	}
	return &msgpackClient{t, conn}
}

func (c *msgpackClient) send(p object) {
	c.t.Helper()
	data, err := msgpack.Marshal(p)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.WriteMessage(websocket.BinaryMessage, data); err != nil {
		c.t.Fatal(err)
	}
}

func (c *msgpackClient) receive() object {
	c.t.Helper()
	kind, data, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	if kind != websocket.BinaryMessage {
		c.t.Fatalf("received text %s", data)
	}
	var p object
	if err := msgpack.Unmarshal(data, &p); err != nil {
		c.t.Fatal(err)
	}
	return widen(p).(object)
}

// widen makes an int64 of every small integer, of which msgpack has many types.
func widen(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case object:
		for key := range v {
			v[key] = widen(v[key])
		}
	case []any:
		for i := range v {
			v[i] = widen(v[i])
		}
	}
	return v
}

func (c *msgpackClient) expect(want object) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.receive()); diff != "" {
		c.t.Fatalf("packet (-want +got):\n%s", diff)
	}
}

func (c *msgpackClient) join() {
	c.t.Helper()
	c.send(object{"type": 0, "nsp": "/"})
	p := c.receive()
	if data, ok := p["data"].(object); p["type"] != int64(0) || !ok || data["sid"] == "" {
		c.t.Fatalf("answer to CONNECT %v", p)
	}
}

func TestMsgpackParserOnTheWire(t *testing.T) {
	io, url := server(t, socketio.Options{Parser: socketio.ParserMsgpack})
	sockets := make(chan *socketio.Socket, 2)
	io.Of("/no").Use(func(*socketio.Socket) error { return errors.New("no") })
	io.OnConnection(func(s *socketio.Socket) {
		s.On("echo", func(ev *socketio.Event) {
			if err := errors.Join(s.EmitArgs("back", ev.Args), ev.Ack(ev.Args)); err != nil {
				t.Error(err)
			}
		})
		sockets <- s
	})
	c, other := dialMsgpack(t, url), dialMsgpack(t, url)
	c.send(object{"type": 0, "nsp": "/no"})
	c.expect(object{"type": int64(4), "nsp": "/no", "data": object{"message": "no"}})
	c.join()
	s := <-sockets
	other.join()
	<-sockets

	data := []any{"x", int64(7), []byte{1, 2}, object{"b": []byte{3}}}
	c.send(object{"type": 2, "nsp": "/", "id": 3, "data": append([]any{"echo"}, data...), "options": object{"compress": true}})
	c.expect(object{"type": int64(2), "nsp": "/", "data": append([]any{"back"}, data...)})
	c.expect(object{"type": int64(3), "nsp": "/", "id": int64(3), "data": data})

	answers := make(chan error, 1)
	go func() {
		got, err := io.EmitWithAck(t.Context(), "all", []byte{9})
		if err == nil && len(got) != 2 {
			err = errors.New("not two answers")
		}
		answers <- err
	}()
	for _, client := range []*msgpackClient{c, other} {
		client.expect(object{"type": int64(2), "nsp": "/", "id": int64(0), "data": []any{"all", []byte{9}}})
		client.send(object{"type": 3, "nsp": "/", "id": 0, "data": []any{}})
	}
	if err := <-answers; err != nil {
		t.Error(err)
	}

	many := make([]any, 20)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	if err := s.Emit("many", many...); err != nil {
		t.Fatal(err)
	}
	c.expect(object{"type": int64(2), "nsp": "/", "data": append([]any{"many"}, many...)})
	s.Disconnect(false)
	c.expect(object{"type": int64(1), "nsp": "/"})
	if err := other.conn.WriteMessage(websocket.TextMessage, []byte(`42["text"]`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.conn.ReadMessage(); err == nil {
		t.Error("text is taken")
	}
}

func TestUnknownParserIsRefused(t *testing.T) {
	if _, err := socketio.NewServer(socketio.Options{Parser: "xml"}); err == nil {
		t.Error("no error")
	}
}
