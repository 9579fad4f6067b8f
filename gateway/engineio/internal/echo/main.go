// SPDX-License-Identifier: Apache-2.0

// Command echo is an Engine.IO server that returns every message, for the official Engine.IO test
// suite:
//
//	go run ./gateway/engineio/internal/echo --listen :3000
//
// It serves /engine.io/ with the timings that the suite expects. With --eio3 it is for the suite of
// revision 3 of the protocol.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

func main() {
	listen := flag.String("listen", ":3000", "address to listen on")
	eio3 := flag.Bool("eio3", false, "serve revision 3 of the protocol too")
	flag.Parse()
	if err := run(*listen, *eio3); err != nil {
		slog.Error("echo", "error", err)
		os.Exit(1)
	}
}

func run(listen string, eio3 bool) error {
	engine, err := engineio.NewServer(engineio.Config{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  200 * time.Millisecond,
		MaxPayload:   1_000_000,
		AllowEIO3:    eio3,
		CORS:         &engineio.CORS{Origins: []string{"*"}},
		OnSession:    func(s *engineio.Session) engineio.Handler { return &echo{s} },
	})
	if err != nil {
		return err
	}
	server := &http.Server{Addr: listen, Handler: engine, ReadHeaderTimeout: 10 * time.Second}
	if err := server.ListenAndServe(); err != nil {
		return fmt.Errorf("serve on %s: %w", listen, err)
	}
	return nil
}

// echo sends back what it gets.
type echo struct{ session *engineio.Session }

func (e *echo) OnMessage(data []byte, binary bool) {
	message := engineio.NewText
	if binary {
		message = engineio.NewBinary
	}
	_ = e.session.Send(message(data)) // fails if the session has just closed
}

func (e *echo) OnClose(engineio.CloseReason, error) {}
