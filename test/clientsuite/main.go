// SPDX-License-Identifier: Apache-2.0

// Command clientsuite is a server on the Go library for the tests of socket.io-client
// (packages/socket.io-client/test of socketio/socket.io): it does what test/support/server.ts does
// there. docs/internals/conformance.md says how to run them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func main() {
	listen := flag.String("listen", "localhost:3210", "the address for clients")
	flag.Parse()
	if err := run(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "clientsuite:", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	io, err := socketio.NewServer(socketio.Options{
		Engine: engineio.Config{
			PingInterval: 2 * time.Second,
			AllowRequest: func(*http.Request) error {
				time.Sleep(10 * time.Millisecond) // a test of the client's timeout wants the server to be slow
				return nil
			},
		},
		Recovery: &socketio.Recovery{},
	})
	if err != nil {
		return err
	}
	namespaces(io)
	io.OnConnection(events)
	mux := http.NewServeMux()
	mux.Handle(socketio.DefaultPath, io)
	web := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return web.ListenAndServe()
}

func namespaces(io *socketio.Server) {
	for _, name := range []string{"/timeout_socket", "/valid", "/asd"} {
		io.Of(name)
	}
	io.Of("/foo").OnConnection(func(s *socketio.Socket) { s.On("getId", id) })
	io.Of("/abc").OnConnection(func(s *socketio.Socket) { emit(s, "handshake", handshake(s)) })
	io.Use(func(s *socketio.Socket) error {
		if s.Handshake().Query.Has("fail") {
			return &socketio.ConnectError{Message: "Auth failed (main namespace)"}
		}
		return nil
	})
	io.Of("/no").Use(func(*socketio.Socket) error { return &socketio.ConnectError{Message: "Auth failed (custom namespace)"} })
}

// events are those of the main namespace.
func events(s *socketio.Socket) {
	s.On("hi", func(*socketio.Event) { emit(s, "hi") })
	s.On("echo", func(ev *socketio.Event) { answer(ev, ev.Args) })
	s.On("getId", id)
	s.On("getHandshake", func(ev *socketio.Event) { ack(ev, handshake(s)) })
	acknowledgements(s)
	dates(s)
	s.On("getUtf8", func(*socketio.Event) {
		for _, text := range []string{"てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"} {
			emit(s, "takeUtf8", text)
		}
	})
	s.On("false", func(*socketio.Event) { emit(s, "false", false) })
	binary(s)
	blobs(s)
}

func acknowledgements(s *socketio.Socket) {
	s.On("ack", func(*socketio.Event) { go ask(s) }) // the next event does not wait for the answer, as with a callback in Node
	s.On("getAckDate", func(ev *socketio.Event) { ack(ev, time.Now()) })
}

func ask(s *socketio.Socket) {
	args, err := s.EmitWithAck(s.Context(), "ack")
	if err != nil {
		return
	}
	first, err := socketio.Decode[int](args, 0)
	if err != nil || first != 5 {
		return
	}
	if second, err := socketio.Decode[struct{ Test bool }](args, 1); err == nil && second.Test {
		emit(s, "got it")
	}
}

func dates(s *socketio.Socket) {
	s.On("getDate", func(*socketio.Event) { emit(s, "takeDate", time.Now()) })
	s.On("getDateObj", func(*socketio.Event) { emit(s, "takeDateObj", map[string]any{"date": time.Now()}) })
}

// mixed is JSON with an attachment in it.
type mixed struct {
	Hello   string
	Message []byte
	Goodbye string
}

func isMixed(ev *socketio.Event) bool {
	m, err := socketio.Decode[mixed](ev.Args, 0)
	return err == nil && m.Hello == "lol" && len(m.Message) > 0 && m.Goodbye == "gotcha"
}

func isBinary(ev *socketio.Event) bool { return len(ev.Args.Attachments) == 1 }

func binary(s *socketio.Socket) {
	text := []byte("asdfasdf")
	s.On("doge", func(*socketio.Event) { emit(s, "doge", text) })
	s.On("getbin", func(*socketio.Event) { emit(s, "takebin", text) })
	emitIf(s, "buffa", isBinary, "buffack")
	emitIf(s, "jsonbuff", isMixed, "jsonbuff-ack")
	first := false
	s.On("abuff1", func(ev *socketio.Event) { first = isBinary(ev) })
	emitIf(s, "abuff2", func(*socketio.Event) bool { return first }, "abuff2-ack")
}

func blobs(s *socketio.Socket) {
	emitIf(s, "blob", isBinary, "back")
	emitIf(s, "jsonblob", isMixed, "jsonblob-ack")
	first, second := false, false
	s.On("blob1", func(ev *socketio.Event) { first = isBinary(ev) })
	s.On("blob2", func(ev *socketio.Event) {
		text, err := socketio.Decode[string](ev.Args, 0)
		second = first && err == nil && text == "second"
	})
	emitIf(s, "blob3", func(ev *socketio.Event) bool { return second && isBinary(ev) }, "blob3-ack")
}

// emitIf emits an event when another one meets a condition.
func emitIf(s *socketio.Socket, event string, met func(*socketio.Event) bool, reply string) {
	s.On(event, func(ev *socketio.Event) {
		if met(ev) {
			emit(s, reply)
		}
	})
}

func id(ev *socketio.Event) { ack(ev, ev.Socket().ID()) }

// handshake has each parameter once, as Node's has it.
func handshake(s *socketio.Socket) map[string]any {
	h := s.Handshake()
	query := map[string]string{}
	for name := range h.Query {
		query[name] = h.Query.Get(name)
	}
	return map[string]any{"auth": h.Auth, "query": query}
}

func emit(s *socketio.Socket, event string, values ...any) {
	if err := s.Emit(event, values...); err != nil {
		fmt.Fprintf(os.Stderr, "emit %s: %v\n", event, err)
	}
}

func ack(ev *socketio.Event, values ...any) {
	args, err := socketio.NewArgs(values...)
	if err != nil {
		fmt.Fprintf(os.Stderr, "acknowledge %s: %v\n", ev.Name, err)
		return
	}
	answer(ev, args)
}

func answer(ev *socketio.Event, args socketio.Args) {
	if err := ev.Ack(args); err != nil && !errors.Is(err, socketio.ErrNoAck) {
		fmt.Fprintf(os.Stderr, "acknowledge %s: %v\n", ev.Name, err)
	}
}
