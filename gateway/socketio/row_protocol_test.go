// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The tests named after rows are those of the behaviours that the official suites of Socket.IO
// judge.

func TestRow36To38ProtocolViolations(t *testing.T) {
	tests := []struct {
		name string
		join bool
		send string
	}{
		{"Row36 several CONNECT", true, `40`},
		{"Row37 EVENT while not connected", false, `42["some event"]`},
		{"Row38 invalid packet", true, `4abc`},
	}
	io, url := server(t, socketio.Options{})
	io.Of("/")
	for _, tt := range tests {
		t.Run(tt.name+" by polling", func(t *testing.T) {
			p := newPoller(t, url)
			if tt.join {
				p.post(`40`)
				if _, body := p.get(); !strings.HasPrefix(body, `40{"sid":`) {
					t.Fatalf("answer to CONNECT %q", body)
				}
			}
			p.post(tt.send)
			p.expectClosed()
		})
		t.Run(tt.name+" by polling, answer not fetched yet", func(t *testing.T) {
			p := newPoller(t, url)
			if tt.join {
				p.post(`40`)
			}
			p.post(tt.send)
			_, body := p.get()
			if tt.join && !strings.HasPrefix(body, `40{"sid":`) {
				t.Fatalf("the answer to CONNECT is lost: %q", body)
			}
			if !strings.HasSuffix(body, "1") {
				p.expectClosed()
			}
		})
		t.Run(tt.name+" by websocket", func(t *testing.T) {
			c := wiretest.Dial(t, url, path, "", nil)
			if tt.join {
				c.Join("/")
			}
			c.Send(tt.send)
			c.ExpectClosed()
		})
	}
}

func TestRow39ConnectTimeout(t *testing.T) {
	io, url := server(t, socketio.Options{ConnectTimeout: 30 * time.Millisecond})
	io.Use(func(*socketio.Socket) error { return errors.New("no") })
	t.Run("nothing sent", func(t *testing.T) {
		wiretest.Dial(t, url, path, "", nil).ExpectClosed()
	})
	t.Run("refused by a middleware", func(t *testing.T) {
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send(`40`)
		c.Expect(`44{"message":"no"}`)
		c.ExpectClosed()
	})
}

func TestRow43EventsAndAcks(t *testing.T) {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.On("echo", func(ev *socketio.Event) {
			if err := ev.Ack(ev.Args); err != nil {
				t.Error(err)
			}
		})
		sockets <- s
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets

	t.Run("client asks", func(t *testing.T) {
		for _, id := range []string{"0", "1", "456", "9007199254740991"} {
			c.Send(`42` + id + `["echo"]`)
			c.Expect(`43` + id + `[]`)
			c.Send(`42` + id + `["echo",{"a":[1,null,"é"]},2]`)
			c.Expect(`43` + id + `[{"a":[1,null,"é"]},2]`)
		}
		c.Send(`451-7["echo",{"file":{"_placeholder":true,"num":0}}]`)
		c.SendBinary([]byte{0, 255})
		c.Expect(`461-7[{"file":{"_placeholder":true,"num":0}}]`, "binary [0 255]")
	})
	t.Run("server asks", func(t *testing.T) {
		type result struct {
			args socketio.Args
			err  error
		}
		results := make(chan result, 1)
		go func() {
			args, err := s.EmitWithAck(t.Context(), "q", 1)
			results <- result{args, err}
		}()
		question := c.Receive()
		var id int
		if _, err := fmt.Sscanf(question, `42%d["q",1]`, &id); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		c.Send(fmt.Sprintf(`43%d["first"]`, id), fmt.Sprintf(`43%d["second"]`, id))
		r := <-results
		if got, err := socketio.Decode[string](r.args, 0); r.err != nil || err != nil || got != "first" {
			t.Errorf("answer %q, %v, %v", got, r.err, err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.EmitWithAck(ctx, "q"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRow44LargePayloads(t *testing.T) {
	const size = 400_000
	config := engineio.Config{MaxPayload: 2 * size}
	io, url := server(t, socketio.Options{Engine: config})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("echo", func(ev *socketio.Event) {
			if err := s.EmitArgs("echo", ev.Args); err != nil {
				t.Error(err)
			}
		})
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	text := `42["echo","` + strings.Repeat("é", size/2) + `"]`
	c.Send(text)
	c.Expect(text)
	binary := bytes.Repeat([]byte{7}, size)
	c.Send(`451-["echo",{"_placeholder":true,"num":0}]`)
	c.SendBinary(binary)
	c.Expect(`451-["echo",{"_placeholder":true,"num":0}]`, fmt.Sprintf("binary %v", binary))
}

func TestRow45ReservedNames(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) {
		s.OnAny(func(ev *socketio.Event) {
			if err := ev.Reply(ev.Name); err != nil {
				t.Error(err)
			}
		})
	})
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		c, _ := wiretest.Connect(t, url, path, "/")
		c.Send(`42["` + name + `"]`)
		c.ExpectClosed()
		if err := io.Emit(name); !errors.Is(err, socketio.ErrReservedEvent) {
			t.Errorf("emit %s: %v", name, err)
		}
	}
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`421[7,"a number names this event"]`)
	c.Expect(`431["7"]`)
}

func TestRow46Attachments(t *testing.T) {
	tests := map[string]struct {
		text   []string
		binary int
	}{
		"no number":                 {[]string{`45["m"]`}, 0},
		"zero":                      {[]string{`450-["m"]`}, 0},
		"negative":                  {[]string{`45-1-["m"]`}, 0},
		"fraction":                  {[]string{`451.5-["m"]`}, 0},
		"more than ten":             {[]string{`4511-["m"]`}, 0},
		"a million":                 {[]string{`451000000-["m"]`}, 0},
		"placeholder out of range":  {[]string{`451-["m",{"_placeholder":true,"num":1}]`}, 0},
		"placeholder that is text":  {[]string{`451-["m",{"_placeholder":true,"num":"splice"}]`}, 0},
		"text while binary is due":  {[]string{`451-["m",{"_placeholder":true,"num":0}]`, `42["m"]`}, 0},
		"binary while none is due":  {nil, 1},
		"one binary more than said": {[]string{`451-["m",{"_placeholder":true,"num":0}]`}, 2},
	}
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) { s.On("m", func(ev *socketio.Event) { ev.Ack(ev.Args) }) })
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := wiretest.Connect(t, url, path, "/")
			c.Send(tt.text...)
			for range tt.binary {
				c.SendBinary([]byte{1})
			}
			c.ExpectClosed()
		})
	}
	t.Run("ten are fine", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		list := strings.TrimSuffix(strings.Repeat(`{"_placeholder":true,"num":9},`, 2), ",")
		c.Send(`4510-1["m",` + list + `]`)
		want := []string{`4610-1[` + list + `]`}
		for i := range 10 {
			c.SendBinary([]byte{byte(i)})
			want = append(want, fmt.Sprintf("binary [%d]", i))
		}
		c.Expect(want...)
	})
	t.Run("more than ten are not sent", func(t *testing.T) {
		many := make([]any, 11)
		for i := range many {
			many[i] = []byte{1}
		}
		if err := io.Emit("m", many...); err == nil {
			t.Error("no error")
		}
	})
}

func TestRow47AfterDisconnect(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Use(func(s *socketio.Socket) error { s.Join("early"); return nil })
	io.Use(func(s *socketio.Socket) error {
		if s.Handshake().Query.Has("refuse") {
			return errors.New("no")
		}
		return nil
	})
	sockets := make(chan *socketio.Socket, 1)
	gone := make(chan string, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.On("leave", func(*socketio.Event) { s.Disconnect(false) })
		s.On("late", func(*socketio.Event) { t.Error("an event after disconnect is handled") })
		s.OnDisconnect(func(reason string) { gone <- reason })
		sockets <- s
	})
	rooms := io.Of("/").Adapter().(*socketio.Rooms)

	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets
	if !rooms.Has("early") {
		t.Error("the room that a middleware has joined is lost")
	}
	c.Send(`42["leave"]`, `42["late"]`, `41`)
	c.Expect(`41`)
	<-gone
	s.Join("late")
	if rooms.Has("late") || rooms.Has("early") || rooms.Len() != 0 {
		t.Error("a disconnected socket is in a room")
	}
	c.Send(`40`) // the connection lives, and everything sent before was ignored
	if got := c.Receive(); !strings.HasPrefix(got, `40{"sid":`) {
		t.Errorf("answer to the second CONNECT %q", got)
	}
	<-sockets
	c.Close()
	<-gone

	refused := wiretest.Dial(t, url, path, "&refuse=1", http.Header{})
	refused.Send(`40`)
	refused.Expect(`44{"message":"no"}`)
	refused.Send(`40`) // its answer comes when the first refusal is over
	refused.Expect(`44{"message":"no"}`)
	refused.Close()
	if err := io.Close(); err != nil {
		t.Error(err)
	}
	if rooms.Len() != 0 || rooms.Has("early") {
		t.Error("a refused socket is in a room")
	}
}
