// SPDX-License-Identifier: Apache-2.0

// Program hostile measures what hostile clients cost their neighbours: one client has its events acknowledged at a steady pace
// while another process attacks the same server, which is a third process and a new one for each load.
//
//	go run ./hack/bench/hostile [--for 5s] [--pace 5ms] [LOAD…]
//
// It prints a table. Attackers share the machine with server and neighbour, so their rates are bounded, and what a well-behaved
// client costs at the same rate is measured too. All stays on loopback. It needs Linux, for the server's memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
)

// Roles of the program's own processes.
const (
	roleServe  = "serve"
	roleAttack = "attack"
)

// settings are the program's flags.
type settings struct {
	duration time.Duration // of each load
	pace     time.Duration // between two events of the neighbour
}

func main() {
	var s settings
	flag.DurationVar(&s.duration, "for", 5*time.Second, "how long each load lasts")
	flag.DurationVar(&s.pace, "pace", 5*time.Millisecond, "time between two events of the neighbour")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, s settings, args []string) error {
	switch {
	case len(args) == 1 && args[0] == roleServe:
		return serveUntil(ctx, os.Stdin, os.Stdout)
	case len(args) == 3 && args[0] == roleAttack:
		return attackFor(ctx, s.duration, args[1], args[2], os.Stdout)
	}
	return compare(ctx, s, args)
}

// compare measures the loads that are named, or all, with the neighbour alone before and behind them.
func compare(ctx context.Context, s settings, names []string) error {
	chosen := []load{{name: "alone"}}
	for _, l := range loads {
		if len(names) == 0 || slices.Contains(names, l.name) {
			chosen = append(chosen, l)
		}
	}
	if len(names) > len(chosen)-1 {
		return fmt.Errorf("not all of %q are loads", names)
	}
	chosen = append(chosen, load{name: "alone, again"})

	rows := []string{
		"| load\t| what it does\t| times\t| events\t| p50\t| p99\t| server's memory |",
		"|---\t|---\t|---\t|---\t|---\t|---\t|--- |",
	}
	for _, l := range chosen {
		r, err := measure(ctx, s, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		rows = append(rows, fmt.Sprintf("| %s\t| %s\t| %d\t| %d\t| %.2f ms\t| %.2f ms\t| %.1f → %.1f MiB |", l.name, l.does, r.attacks, len(r.latencies),
			r.percentile(50), r.percentile(99), r.before, r.after))
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	if _, err := fmt.Fprintln(table, strings.Join(rows, "\n")); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return table.Flush()
}

// result is what one load has shown.
type result struct {
	attacks       int             // what the attacker did, in its own units
	latencies     []time.Duration // of the neighbour's events, sorted
	before, after float64         // resident memory of the server, in MiB
}

// percentile is in milliseconds, by the nearest rank.
func (r *result) percentile(p int) float64 {
	return r.latencies[(len(r.latencies)*p+99)/100-1].Seconds() * 1000
}

// measure runs a load against a server of its own.
func measure(ctx context.Context, s settings, l load) (*result, error) {
	server, err := child.Start(ctx, roleServe)
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	n, err := newNeighbour(ctx, server.Address)
	if err != nil {
		return nil, err
	}
	defer n.close()
	if _, err := n.echo(s.pace, time.Second); err != nil { // warm up
		return nil, err
	}
	r := &result{}
	if r.before, err = memory(server.PID); err != nil {
		return nil, err
	}
	attacks := make(chan attackResult, 1)
	if l.run == nil {
		attacks <- attackResult{}
	} else {
		go func() { attacks <- startAttack(ctx, s.duration, l.name, server.Address) }()
	}
	if r.latencies, err = n.echo(s.pace, s.duration); err != nil {
		return nil, fmt.Errorf("the neighbour: %w", err)
	}
	if r.after, err = memory(server.PID); err != nil {
		return nil, err
	}
	a := <-attacks
	r.attacks = a.count
	slices.Sort(r.latencies)
	return r, a.err
}
