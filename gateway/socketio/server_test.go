// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const path = "/socket.io/"

// server runs a Socket.IO server for a test, and checks that nothing of it is left.
func server(t *testing.T, o socketio.Options) (*socketio.Server, string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	o.Engine.Path = path
	io, err := socketio.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(io)
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		hs.Close()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return io, hs.URL
}

// conformance is the application of the official suite (protocol repository, "Test suite").
func conformance(t *testing.T) (*socketio.Server, string) {
	io, url := server(t, socketio.Options{})
	auth := func(s *socketio.Socket) { s.Emit("auth", s.Handshake().Auth) }
	io.OnConnection(func(s *socketio.Socket) {
		auth(s)
		s.On("message", func(ev *socketio.Event) { s.EmitArgs("message-back", ev.Args) })
		s.On("message-with-ack", func(ev *socketio.Event) { ev.Ack(ev.Args) })
	})
	io.Of("/custom").OnConnection(auth)
	return io, url
}

func TestConnect(t *testing.T) {
	tests := []struct{ name, send, prefix, then string }{
		{"to the main namespace", `40`, `40{"sid":"`, `42["auth",{}]`},
		{"with auth", `40{"token":"123"}`, `40{"sid":"`, `42["auth",{"token":"123"}]`},
		{"to another namespace", `40/custom,`, `40/custom,{"sid":"`, `42/custom,["auth",{}]`},
		{"to another namespace with auth", `40/custom,{"token":"abc"}`, `40/custom,{"sid":"`, `42/custom,["auth",{"token":"abc"}]`},
	}
	_, url := conformance(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := wiretest.Dial(t, url, path, "", nil)
			c.Send(tt.send)
			if got := c.Receive(); !strings.HasPrefix(got, tt.prefix) || !strings.HasSuffix(got, `"}`) || strings.Count(got, ":") != 1 {
				t.Errorf("answer %s", got)
			}
			c.Expect(tt.then)
		})
	}
}

func TestUnknownNamespaceIsRefusedAndTheConnectionLives(t *testing.T) {
	_, url := conformance(t)
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40/random`)
	c.Expect(`44/random,{"message":"Invalid namespace"}`)
	c.Join("/")
	c.Expect(`42["auth",{}]`)
}

func TestEventsAndAcks(t *testing.T) {
	_, url := conformance(t)
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Expect(`42["auth",{}]`)

	c.Send(`42["message",1,"2",{"3":[true]}]`)
	c.Expect(`42["message-back",1,"2",{"3":[true]}]`)

	c.Send(`42["message",{"z":1.0,"a":"<b>&"}]`)
	c.Expect(`42["message-back",{"z":1.0,"a":"<b>&"}]`)

	c.Send(`42456["message-with-ack",1,"2",{"3":[false]}]`)
	c.Expect(`43456[1,"2",{"3":[false]}]`)

	c.Send(`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	c.SendBinary([]byte{1, 2, 3})
	c.SendBinary([]byte{4, 5, 6})
	c.Expect(`452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "binary [1 2 3]", "binary [4 5 6]")

	c.Send(`452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	c.SendBinary([]byte{1, 2, 3})
	c.SendBinary([]byte{4, 5, 6})
	c.Expect(`462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "binary [1 2 3]", "binary [4 5 6]")
}

func TestPacketsThatBreakTheProtocolCloseTheConnectionAlone(t *testing.T) {
	tests := map[string][]string{
		"an event that is an object":                {`42{}`},
		"an event that is no JSON":                  {`42abc["message-with-ack",1]`},
		"an unknown packet type":                    {`4abc`},
		"a second CONNECT":                          {`40`},
		"an event for a namespace not joined":       {`42/custom,["m"]`},
		"DISCONNECT of a namespace not joined":      {`41/custom`},
		"CONNECT_ERROR from a client":               {`44`},
		"text while an attachment is awaited":       {`451-["m",{"_placeholder":true,"num":0}]`, `42["m"]`},
		"a reserved event name":                     {`42["disconnecting"]`},
		"a placeholder that names no attachment":    {`451-["m",{"_placeholder":true,"num":3}]`},
		"an announcement of very many attachments":  {`451000000-["m"]`},
		"JSON nested deeper than anybody can parse": {`42["message",` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `]`},
	}
	_, url := conformance(t)
	neighbour, _ := wiretest.Connect(t, url, path, "/")
	neighbour.Expect(`42["auth",{}]`)
	for name, packets := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := wiretest.Connect(t, url, path, "/")
			c.Expect(`42["auth",{}]`)
			c.Send(packets...)
			c.ExpectClosed()
		})
	}
	t.Run("a binary message that nothing announces", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		c.SendBinary([]byte{1})
		c.ExpectClosed()
	})
	t.Run("an event before CONNECT", func(t *testing.T) {
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send(`42["m"]`)
		c.ExpectClosed()
	})
	neighbour.Send(`42["message",1]`)
	neighbour.Expect(`42["message-back",1]`)
}

func TestEventAndAckWithoutPayloadAreIgnored(t *testing.T) {
	_, url := conformance(t)
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Expect(`42["auth",{}]`)
	c.Send(`42`, `421`, `43`, `431`, `42["message"]`)
	c.Expect(`42["message-back"]`)
}

func TestDisconnectByTheClientLeavesOneNamespace(t *testing.T) {
	io, url := conformance(t)
	reasons := make(chan string, 1)
	io.Of("/custom").OnConnection(func(s *socketio.Socket) { s.OnDisconnect(func(r string) { reasons <- r }) })
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Expect(`42["auth",{}]`)
	c.Join("/custom")
	c.Expect(`42/custom,["auth",{}]`)
	c.Send(`41/custom,`)
	if got := <-reasons; got != "client namespace disconnect" {
		t.Errorf("reason %q", got)
	}
	// What was on its way is ignored, and the rest of the connection lives.
	c.Send(`42/custom,["late"]`, `41/custom,`, `42["message",1]`)
	c.Expect(`42["message-back",1]`)
	c.Join("/custom")
	c.Expect(`42/custom,["auth",{}]`)
}

func TestDisconnectByTheServer(t *testing.T) {
	io, url := server(t, socketio.Options{})
	reasons := make(chan string, 2)
	io.OnConnection(func(s *socketio.Socket) {
		s.On("go", func(ev *socketio.Event) {
			var whole bool
			if err := ev.Args.Decode(0, &whole); err != nil {
				t.Error(err)
			}
			s.Disconnect(whole)
			if err := s.Emit("late"); !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("emit after disconnect: %v", err)
			}
		})
		s.OnDisconnect(func(r string) { reasons <- r })
	})
	t.Run("of the namespace", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		c.Send(`42["go",false]`, `42["ignored"]`)
		c.Expect(`41`)
		if got := <-reasons; got != "server namespace disconnect" {
			t.Errorf("reason %q", got)
		}
		c.Join("/")
	})
	t.Run("of the connection", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		c.Send(`42["go",true]`)
		if got := c.ExpectClosed(); len(got) == 0 || got[0] != "41" {
			t.Errorf("before the end: %q", got)
		}
		<-reasons
	})
}

func TestDisconnectingStillSeesTheRooms(t *testing.T) {
	io, url := server(t, socketio.Options{})
	type seen struct{ disconnecting, disconnect []string }
	result := make(chan seen, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.Join("a", "b")
		var got seen
		s.OnDisconnecting(func(string) { got.disconnecting = s.Rooms() })
		s.OnDisconnect(func(string) { got.disconnect = s.Rooms(); s.Join("late"); result <- got })
	})
	c, id := wiretest.Connect(t, url, path, "/")
	c.Close()
	got := <-result
	slices.Sort(got.disconnecting)
	want := []string{"a", "b", id}
	slices.Sort(want)
	if !slices.Equal(got.disconnecting, want) || len(got.disconnect) != 0 {
		t.Errorf("rooms while disconnecting %v, want %v; after that %v, want none", got.disconnecting, want, got.disconnect)
	}
}

func TestMiddlewareRefusesWithDataAndLaterOnesDoNotRun(t *testing.T) {
	io, url := server(t, socketio.Options{})
	ns := io.Of("/chat")
	ns.Use(func(s *socketio.Socket) error {
		switch s.Handshake().Query.Get("who") {
		case "plain":
			return errors.New("认证失败 <&>")
		case "data":
			return &socketio.ConnectError{Message: "no", Data: map[string]int{"code": 7}}
		}
		return nil
	})
	ns.Use(func(s *socketio.Socket) error {
		if s.Handshake().Query.Get("who") != "good" {
			t.Error("the second middleware runs after the first has refused")
		}
		return nil
	})
	for who, want := range map[string]string{
		"plain": `44/chat,{"message":"认证失败 <&>"}`,
		"data":  `44/chat,{"message":"no","data":{"code":7}}`,
	} {
		c := wiretest.Dial(t, url, path, "&who="+who, nil)
		c.Send(`40/chat,`)
		c.Expect(want)
	}
	wiretest.Dial(t, url, path, "&who=good", nil).Join("/chat")
}

func TestConnectTimeoutClosesAConnectionWithoutNamespace(t *testing.T) {
	_, url := server(t, socketio.Options{ConnectTimeout: 50 * time.Millisecond})
	wiretest.Dial(t, url, path, "", nil).ExpectClosed()
}

func TestEmitWithAck(t *testing.T) {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 3)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	t.Run("is answered", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		s := <-sockets
		result := make(chan string, 1)
		go func() {
			args, err := s.EmitWithAck(t.Context(), "question", "how", []byte{9})
			result <- fmt.Sprint(string(args.JSON), args.Attachments, err)
		}()
		c.Expect(`451-0["question","how",{"_placeholder":true,"num":0}]`, "binary [9]")
		c.Send(`461-0["so",{"_placeholder":true,"num":0}]`)
		c.SendBinary([]byte{7})
		if got, want := <-result, `["so",{"_placeholder":true,"num":0}][[7]] <nil>`; got != want {
			t.Errorf("answer %s, want %s", got, want)
		}
		c.Send(`430[]`, `4399[]`) // answers that nobody waits for
	})
	t.Run("ends with its context", func(t *testing.T) {
		wiretest.Connect(t, url, path, "/")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := (<-sockets).EmitWithAck(ctx, "question"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("ends with the client", func(t *testing.T) {
		c, _ := wiretest.Connect(t, url, path, "/")
		s := <-sockets
		result := make(chan error, 1)
		go func() {
			_, err := s.EmitWithAck(t.Context(), "question")
			result <- err
		}()
		c.Expect(`422["question"]`)
		c.Close()
		if err := <-result; !errors.Is(err, socketio.ErrDisconnected) {
			t.Errorf("error %v", err)
		}
	})
}

// A client that asks for an answer gets one: what clients would refuse does not count as such.
func TestAnAckThatClientsWouldRefuseLeavesTheAnswerOpen(t *testing.T) {
	large := socketio.Args{JSON: []byte(`[]`), Attachments: make([][]byte, socketio.MaxAttachments+1)}
	fine := socketio.Args{JSON: []byte(`["fine"]`)}
	for name, ack := range map[string]func(*socketio.Event) error{
		"at once":           func(ev *socketio.Event) error { return ev.Ack(large) },
		"settled":           func(ev *socketio.Event) error { return ev.AckSettled(nil, large, fine) },
		"settled, if it is": func(ev *socketio.Event) error { return ev.AckSettled(nil, fine, large) },
	} {
		t.Run(name, func(t *testing.T) {
			io, url := server(t, socketio.Options{})
			io.OnConnection(func(s *socketio.Socket) {
				s.On("m", func(ev *socketio.Event) {
					if err := ack(ev); err == nil || errors.Is(err, socketio.ErrNoAck) {
						t.Errorf("the error is %v", err)
					}
					if err := ev.AckSettled(nil, fine, fine); err != nil {
						t.Error(err)
					}
				})
			})
			c, _ := wiretest.Connect(t, url, path, "/")
			c.Send(`427["m"]`)
			c.Expect(`437["fine"]`)
		})
	}
}

func TestFirstAckCounts(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("twice", func(ev *socketio.Event) {
			one, _ := socketio.NewArgs(1)
			if err := ev.Ack(one); err != nil {
				t.Error(err)
			}
			if err := ev.Ack(one); !errors.Is(err, socketio.ErrNoAck) {
				t.Errorf("second answer: %v", err)
			}
			s.Emit("done")
		})
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`421["twice"]`)
	c.Expect(`431[1]`, `42["done"]`)
}

func TestAHandlerThatPanicsClosesItsOwnConnection(t *testing.T) {
	io, url := server(t, socketio.Options{})
	gone := make(chan string, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.On("boom", func(*socketio.Event) { panic("boom") })
		s.On("fine", func(ev *socketio.Event) { ev.Ack(socketio.Args{}) })
		s.OnDisconnect(func(reason string) { gone <- reason })
	})
	neighbour, _ := wiretest.Connect(t, url, path, "/")
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`42["boom"]`)
	c.ExpectClosed()
	<-gone
	// The namespace forgets a socket when its last handler has returned.
	for range 1000 {
		neighbour.Send(`421["fine"]`)
		neighbour.Expect(`431[]`)
		if io.Of("/").Len() == 1 {
			break
		}
	}
	if n := io.Of("/").Len(); n != 1 {
		t.Errorf("%d sockets are left, want 1", n)
	}
	neighbour.Close()
	<-gone
}

func TestRemovedNamespaceDisconnectsItsSockets(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/")
	gone := make(chan string, 1)
	io.Of("/old").OnConnection(func(s *socketio.Socket) {
		s.OnDisconnect(func(reason string) { gone <- reason })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Join("/old")
	io.RemoveNamespace("/old")
	c.Expect(`41/old,`)
	if got := <-gone; got != "server namespace disconnect" {
		t.Errorf("reason %q", got)
	}
	c.Send(`40/old,`)
	c.Expect(`44/old,{"message":"Invalid namespace"}`)
}

func TestReconfigureHoldsForNewConnections(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/")
	if err := io.Reconfigure(engineio.Config{Path: path}, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	wiretest.Dial(t, url, path, "", nil).ExpectClosed()
}
