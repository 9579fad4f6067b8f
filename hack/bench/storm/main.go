// SPDX-License-Identifier: Apache-2.0

// Storm measures how a gateway lets the clients of another in that has been killed. The clients
// wait between attempts as stock ones do. It prints how many got in and how many were refused in
// each second since, as a table, and draws it:
//
//	go run ./hack/bench/storm -svg docs/images/storm.svg
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/broker"
)

// roleServe is that of a gateway's process.
const roleServe = "serve"

// settings are the program's flags.
type settings struct {
	clients          int
	perSecond, burst int
	patience         time.Duration // until all are back
	svg              string
}

func main() {
	var s settings
	flag.IntVar(&s.clients, "clients", 1000, "how many clients the killed gateway had")
	flag.IntVar(&s.perSecond, "per-second", 100, "protocol.handshakes.perSecond of the one that is left")
	flag.IntVar(&s.burst, "burst", 100, "protocol.handshakes.burst of the one that is left")
	flag.DurationVar(&s.patience, "patience", 2*time.Minute, "how long the clients may take to come back")
	flag.StringVar(&s.svg, "svg", "", "file to draw the result into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, s settings, args []string) error {
	if len(args) == 2 && args[0] == roleServe {
		return serveUntil(ctx, s, args[1], os.Stdin, os.Stdout)
	}
	r, err := measure(ctx, s)
	if err != nil {
		return err
	}
	if err := r.table(os.Stdout); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	if s.svg == "" {
		return nil
	}
	if err := os.WriteFile(s.svg, r.plot(), 0o644); err != nil {
		return fmt.Errorf("draw the result: %w", err)
	}
	return nil
}

// measure connects all clients to one gateway, kills it, and waits until all are at the other one.
func measure(ctx context.Context, s settings) (*report, error) {
	nats, err := broker.Start(server.Options{})
	if err != nil {
		return nil, err
	}
	defer nats.WaitForShutdown()
	defer nats.Shutdown()
	doomed, err := startGateway(ctx, nats.ClientURL(), 0, 0)
	if err != nil {
		return nil, err
	}
	defer doomed.Kill()
	left, err := startGateway(ctx, nats.ClientURL(), s.perSecond, s.burst)
	if err != nil {
		return nil, err
	}
	defer left.Kill()

	ctx, cancel := context.WithTimeout(ctx, s.patience)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	crowd := &crowd{there: left.Address, outcomes: make(chan outcome, s.clients)}
	for i := range s.clients {
		c := &client{crowd: crowd, backoff: newBackoff(uint64(i))}
		if err := c.dial(ctx, doomed.Address); err != nil {
			return nil, fmt.Errorf("connect client %d: %w", i, err)
		}
		all.Go(func() { c.stay(ctx) })
	}
	r := &report{settings: s, start: time.Now()}
	doomed.Kill()
	for back := 0; back < s.clients; {
		select {
		case o := <-crowd.outcomes:
			r.add(o)
			if o.accepted {
				back++
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d clients are back: %w", back, s.clients, ctx.Err())
		}
	}
	return r, nil
}
