// SPDX-License-Identifier: Apache-2.0

// Command library is a program that uses gateway/socketio and keeps the sessions of clients that
// are away in its memory. It does what the other targets of test/clients/recovery.test.mjs do,
// answers /ready, and leaves on SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	if err := run(*listen); err != nil {
		slog.Error("library", "error", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	io, err := socketio.NewServer(socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 2 * time.Minute}})
	if err != nil {
		return fmt.Errorf("make the server: %w", err)
	}
	io.OnConnection(func(socket *socketio.Socket) { serve(io, socket) })
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		err := errors.Join(io.Close(), server.Close())
		if err != nil {
			slog.Error("close", "error", err)
		}
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listen, err)
	}
	return nil
}

// serve answers a client as test/chaos/internal/stack/service.yaml has gateways do.
func serve(io *socketio.Server, socket *socketio.Socket) {
	answer := func(event string, do func(args socketio.Args) (any, error)) {
		socketio.OnAck(socket, event, func(_ *socketio.Socket, args socketio.Args) (any, error) { return do(args) })
	}
	text := func(args socketio.Args, i int) string {
		s, _ := socketio.Decode[string](args, i) // the test sends texts where they belong
		return s
	}
	answer("join", func(args socketio.Args) (any, error) {
		return "ok", socket.Join(text(args, 0))
	})
	answer("leave", func(args socketio.Args) (any, error) {
		socket.Leave(text(args, 0))
		return "ok", nil
	})
	answer("say", func(args socketio.Args) (any, error) {
		payload, err := socketio.Decode[any](args, 1)
		return "ok", errors.Join(err, io.To(text(args, 0)).Emit("said", payload))
	})
	answer("announce", func(args socketio.Args) (any, error) {
		payload, err := socketio.Decode[any](args, 1)
		return "ok", errors.Join(err, io.To(text(args, 0), "nobody's").Emit("said", payload))
	})
	answer("except", func(args socketio.Args) (any, error) {
		payload, err := socketio.Decode[any](args, 2)
		return "ok", errors.Join(err, io.To(text(args, 0)).Except(text(args, 1)).Emit("said", payload))
	})
	answer("flash", func(args socketio.Args) (any, error) {
		return "ok", io.To(text(args, 0)).Volatile().Emit("flashed", text(args, 1))
	})
	answer("name", func(args socketio.Args) (any, error) {
		socket.SetData(text(args, 0))
		return "ok", nil
	})
	answer("whoami", func(socketio.Args) (any, error) { return socket.Data(), nil })
}
