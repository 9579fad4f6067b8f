// SPDX-License-Identifier: Apache-2.0

// Command handlers is a server on the Go library whose handlers wait, for the tests with stock
// clients (test/clients/handlers.test.mjs).
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3000", "the address for clients")
	flag.Parse()
	if err := run(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "handlers:", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	io, err := socketio.NewServer(socketio.Options{Engine: engineio.Config{
		AllowEIO3:    true,
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  2 * time.Second,
	}})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(socketio.DefaultPath, io)
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	web := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	closed := make(chan error, 1)
	serve(io, func() { closed <- io.Close() })
	failed := make(chan error, 1)
	go func() { failed <- web.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case err := <-closed: // by a handler
		if err != nil {
			return err
		}
	case <-ctx.Done():
	}
	leaving, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := io.Shutdown(leaving); err != nil {
		return err
	}
	return web.Close()
}

// serve sets up what a client may do: wait in one namespace until it says go in another one, be
// asked, and close the server.
func serve(io *socketio.Server, shut func()) {
	io.OnConnection(func(socket *socketio.Socket) {
		released := make(chan struct{})
		socket.SetData(released)
		socket.OnDisconnect(func(string) { fmt.Println("gone") })
		socketio.OnAck(socket, "wait", func(*socketio.Socket, string) (string, error) {
			<-released
			return "waited", nil
		})
		socketio.OnAck(socket, "echo", func(_ *socketio.Socket, text string) (string, error) { return text, nil })
		socketio.OnAck(socket, "ask me", func(socket *socketio.Socket, question string) (string, error) {
			args, err := socket.EmitWithAck(context.Background(), "question", question)
			if err != nil {
				fmt.Println("unanswered")
				return "", err
			}
			return socketio.Decode[string](args, 0)
		})
		socket.On("close", func(*socketio.Event) { shut() })
	})
	io.Of("/other").OnConnection(func(socket *socketio.Socket) {
		socketio.OnAck(socket, "echo", func(_ *socketio.Socket, text string) (string, error) { return text, nil })
		socketio.OnAck(socket, "release", func(_ *socketio.Socket, id string) (string, error) {
			if released, ok := socketio.DataOf[chan struct{}](io.Of("/").Socket(id)); ok {
				close(released)
			}
			return "released", nil
		})
	})
}
