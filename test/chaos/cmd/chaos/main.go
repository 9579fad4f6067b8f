// SPDX-License-Identifier: Apache-2.0

// Command chaos runs the chaos test: clients against a service whose parts fail. It exits with 1 if
// anything was lost, duplicated or out of order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/ledger"
	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// programs are what a run starts.
type programs struct {
	target, library, peer, redisServer string
	ours                               stack.Programs
	drain                              time.Duration
	natsServers                        int
}

func (p *programs) flags(f *flag.FlagSet) {
	f.StringVar(&p.target, "target", "ours", "service: ours, library (gateway/socketio in memory), reference (Node, Redis Streams) or reference-in-memory")
	f.StringVar(&p.ours.Realtime, "realtime", "dist/realtime", "the program realtime")
	f.StringVar(&p.ours.Previous, "previous", "", "the program realtime of a release before, by which gateways run until the fault of an update, if that is among the faults (default: none, and there is no update)")
	f.StringVar(&p.ours.NATSServer, "nats-server", "dist/nats-server", "the program nats-server")
	f.IntVar(&p.natsServers, "nats-servers", 1, "how many of them keep the log: 1 or 3. A fault of the broker is that of one")
	f.StringVar(&p.redisServer, "redis-server", "redis-server", "the program redis-server")
	f.DurationVar(&p.drain, "drain", 20*time.Second, "how long one of our gateways takes to send its clients away")
	f.StringVar(&p.library, "library", "dist/library", "program of the target library")
	f.StringVar(&p.peer, "peer", "hack/bench/peers/socketio-redis-streams", "folder of the reference")
}

func optionFlags(f *flag.FlagSet, o *chaos.Options) {
	f.IntVar(&o.Clients, "clients", 1000, "number of clients, ten in each room")
	f.IntVar(&o.Polling, "polling", 200, "how many of them poll")
	f.IntVar(&o.Stock, "stock", 1, "how many stock clients of each kind there are besides; only with our gateways")
	f.StringVar(&o.StockDir, "stock-dir", "test/clients", "folder of the stock clients, with their packages")
	f.IntVar(&o.Gateways, "gateways", 3, "number of gateways")
	f.Float64Var(&o.Rate, "rate", 200, "messages per second")
	f.BoolVar(&o.Affinity, "affinity", false, "keep each client on its gateway; the reference needs it and has it")
	f.Float64Var(&o.Scale, "scale", 1, "factor for the clients' reconnection delays")
	f.DurationVar(&o.AckTimeout, "ack-timeout", 10*time.Second, "time until a publisher that got no acknowledgement emits again")
	f.DurationVar(&o.Deadline, "deadline", time.Minute, "time after a phase's last message until what has not arrived is lost")
	f.DurationVar(&o.Duration, "duration", 0, "draw faults for so long instead of running each once")
	f.Uint64Var(&o.Seed, "seed", 1, "decides what fails when")
	f.StringVar(&o.Dir, "logs", "", "folder for the logs of the processes (default: a new one)")
}

func run(ctx context.Context) error {
	var o chaos.Options
	var p programs
	var faults string
	var measure, totalOrder, serve bool
	f := flag.NewFlagSet("chaos", flag.ExitOnError)
	p.flags(f)
	optionFlags(f, &o)
	f.StringVar(&faults, "faults", strings.Join(chaos.Faults(), ","), "faults to run, in order: names, or how some of them begin")
	f.BoolVar(&measure, "measure", false, "do not fail for what is lost, duplicated or out of order")
	f.BoolVar(&totalOrder, "total-order", false, "fail if members of a room see messages in different orders")
	f.BoolVar(&serve, "serve", false, "run the service alone, and do to it what the lines of the input say (see Serve in test/chaos/internal/stack)")
	if err := f.Parse(os.Args[1:]); err != nil {
		return err
	}
	var err error
	if o.Faults, err = chaos.Choose(faults); err != nil {
		return err
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "chaos-")
		if err != nil {
			return fmt.Errorf("make a folder for logs: %w", err)
		}
		o.Dir = dir
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	if o.Stack, err = p.stack(ctx, o.Dir); err != nil {
		return err
	}
	if serve {
		return stack.Serve(ctx, o.Stack, o.Dir, os.Stdin, os.Stdout)
	}
	if o.Stack.NeedsAffinity {
		o.Affinity = true
	}
	if p.target == "reference-in-memory" || p.target == "library" {
		o.Gateways = 1
	}
	if p.target != "ours" {
		o.Stock = 0 // those of 2.x need a server that takes them
	}
	return report(ctx, o, measure, totalOrder)
}

func (p programs) stack(ctx context.Context, dir string) (stack.Stack, error) {
	switch p.target {
	case "ours":
		return stack.Ours(ctx, dir, p.ours, p.natsServers, p.drain)
	case "library":
		return stack.Library(p.library), nil
	case "reference":
		return stack.Reference(dir, p.peer, p.redisServer)
	case "reference-in-memory":
		return stack.ReferenceInMemory(p.peer), nil
	}
	return stack.Stack{}, fmt.Errorf("target %q: it is ours, library, reference or reference-in-memory", p.target)
}

func report(ctx context.Context, o chaos.Options, measure, totalOrder bool) error {
	fmt.Printf("%s: %d clients (%d by polling), %d gateways, %g messages/s, seed %d, affinity %t; logs in %s\n\n",
		o.Stack.Name, o.Clients, o.Polling, o.Gateways, o.Rate, o.Seed, o.Affinity, o.Dir)
	results, err := chaos.Run(ctx, o)
	if len(results) > 0 {
		total := ledger.Total(results)
		fmt.Printf("%s\n%s", ledger.Table(append(results, total)), total.Why())
		if wrong := total.Failed(totalOrder); !measure && len(wrong) > 0 {
			err = errors.Join(err, errors.New(strings.Join(wrong, ", ")))
		}
	}
	return err
}
