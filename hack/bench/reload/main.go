// SPDX-License-Identifier: Apache-2.0

// Reload has clients talk while a service gets new rules and keys. It fails if a client that may
// stay loses its connection, if an event is handled by two revisions, and if others leave a room
// than those that the new rules do not allow there.
//
//	go run ./hack/bench/reload -clients 2000 -reloads 20
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
)

// settings are the program's flags.
type settings struct {
	clients, reloads int
	// between is how many events each client sends, on average, before the first reload and after
	// each, and pace how long it waits between two.
	between int
	pace    time.Duration
	docs    string
	log     *slog.Logger
}

func main() {
	s := settings{log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	flag.IntVar(&s.clients, "clients", 2000, "how many clients talk")
	flag.IntVar(&s.reloads, "reloads", 20, "how often rules and keys are replaced")
	flag.IntVar(&s.between, "between", 2, "how many events of each client come before a reload, on average")
	flag.DurationVar(&s.pace, "pace", time.Second, "how long a client waits between two events")
	flag.StringVar(&s.docs, "docs", "", "document whose figures are replaced")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "reload:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "reload")
	if err != nil {
		return fmt.Errorf("make a folder for keys: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r, err := measure(ctx, s, dir)
	if err != nil {
		return err
	}
	text := r.markdown()
	fmt.Print(text)
	if s.docs == "" {
		return nil
	}
	return between.Write(s.docs, begin, end, text)
}
