// SPDX-License-Identifier: Apache-2.0

// Recoverstorm measures how the clients of one room come back when their gateway has been killed:
// it starts NATS and two gateways of a given program, connects all clients to one of them, kills
// that, says something in the room, and has all come to the other one after the pause of a stock
// client. It prints how long it takes until each has got all that it missed, once and in order, how
// many requests JetStream got for that, and how much memory the gateway took:
//
//	go run ./hack/bench/recoverstorm -realtime dist/realtime
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/broker"
)

// settings are the program's flags.
type settings struct {
	realtime                string
	clients, missed, length int
	rooms                   int
	patience                time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.realtime, "realtime", "dist/realtime", "the program whose gateways are measured")
	flag.IntVar(&s.clients, "clients", 10_000, "how many clients the killed gateway has, all in one room")
	flag.IntVar(&s.missed, "missed", 200, "how many events each of them misses")
	flag.IntVar(&s.length, "length", 200, "how many bytes the text of an event has")
	flag.IntVar(&s.rooms, "rooms", 0, "in how many rooms more each client is, of its own")
	flag.DurationVar(&s.patience, "patience", 10*time.Minute, "how long all may take to be complete")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "recoverstorm:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "recoverstorm")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left there is harmless
	nats, err := broker.Start(server.Options{JetStream: true, StoreDir: filepath.Join(dir, "jetstream")})
	if err != nil {
		return err
	}
	defer nats.WaitForShutdown()
	defer nats.Shutdown()
	doomed, err := startGateway(ctx, s, dir, "doomed", nats.ClientURL())
	if err != nil {
		return err
	}
	defer doomed.kill()
	left, err := startGateway(ctx, s, dir, "left", nats.ClientURL())
	if err != nil {
		return err
	}
	defer left.kill()
	reads, err := countReads(nats.ClientURL())
	if err != nil {
		return err
	}
	defer reads.close()
	return storm(ctx, s, doomed, left, reads)
}

func storm(ctx context.Context, s settings, doomed, left *gateway, reads *reads) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	speaker, err := connect(ctx, left.address)
	if err != nil {
		return err
	}
	defer speaker.conn.Close()
	clients, err := arrive(ctx, s, doomed.address)
	if err != nil {
		return err
	}
	doomed.kill()
	for i := range s.missed {
		text := fmt.Sprintf("%08d%s", i, strings.Repeat("x", max(0, s.length-8)))
		if err := speaker.ask(fmt.Sprintf(`["say","room",%q]`, text)); err != nil {
			return fmt.Errorf("say something: %w", err)
		}
	}
	idle, _, err := left.memory()
	if err != nil {
		return err
	}
	before, start := reads.count(), time.Now()
	var all sync.WaitGroup
	errs := make(chan error, len(clients))
	for i, c := range clients {
		random := rand.New(rand.NewPCG(uint64(i), 1))
		all.Go(func() { errs <- c.comeBack(ctx, left.address, s.missed, random) })
	}
	all.Wait()
	took := time.Since(start)
	close(errs)
	var problem error
	complete, refused := 0, 0
	for err := range errs {
		if err == nil {
			complete++
		} else {
			problem = err
		}
	}
	for _, c := range clients {
		refused += c.refused
		c.conn.Close()
	}
	now, peak, err := left.memory()
	if err != nil {
		return err
	}
	fmt.Printf("%d of %d clients have got all %d events after %.1f s, %d attempts failed; %d requests to JetStream; gateway: %d MiB before, %d MiB at most, %d MiB after\n",
		complete, s.clients, s.missed, took.Seconds(), refused, reads.count()-before, idle>>10, peak>>10, now>>10)
	return problem
}

// arrive connects all clients.
func arrive(ctx context.Context, s settings, address string) ([]*client, error) {
	clients := make([]*client, s.clients)
	const atOnce = 64
	var all sync.WaitGroup
	errs := make(chan error, atOnce)
	for part := range atOnce {
		all.Go(func() {
			for i := part; i < len(clients); i += atOnce {
				c, err := connect(ctx, address)
				if err == nil {
					clients[i] = c
					err = c.ask(`["join","room"]`)
				}
				for room := 0; err == nil && room < s.rooms; room++ {
					err = c.ask(fmt.Sprintf(`["join","room %d of client %d"]`, room, i))
				}
				if err != nil {
					errs <- fmt.Errorf("connect client %d: %w", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
		return clients, nil
	}
}
