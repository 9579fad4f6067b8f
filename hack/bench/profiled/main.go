// SPDX-License-Identifier: Apache-2.0

// Command profiled is `realtime dev` for a manifest, with net/http/pprof on another port of
// loopback. What is released has no such port, and none can be switched on.
//
//	profiled hack/bench/peers/ours/service.yaml
//	profiled dist/bench-secured.yaml dist/bench-secrets
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // at the default mux, which the gateway does not use
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/dev"
)

// sampleEvery is how many bytes are asked for between two samples: a tenth of the usual, since a
// connection takes little.
const sampleEvery = 50 << 10

func main() {
	runtime.MemProfileRate = sampleEvery
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return errors.New("what follows is a manifest with a RealtimeService, and perhaps a folder of Secrets")
	}
	secrets := strings.Join(args[1:], "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Println("pprof is on", l.Addr())
	err = dev.Run(ctx, dev.Options{
		Manifest: args[0], Secrets: secrets, Host: "127.0.0.1", Gateways: 1, Out: os.Stdout,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	server.Close()
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
