// SPDX-License-Identifier: Apache-2.0

// Command hostile measures what clients that misbehave cost a gateway and the client beside them,
// in one row of a table for each kind: CPU for a byte that is received, compared with plain
// messages, memory for a client, and the latency of a quiet neighbor.
//
//	go run ./hack/bench/hostile [-rounds 3] [-for 1s] [-share 0.25] \
//		[-docs docs/measured/hostile.md] [ROW…]
//	go run ./hack/bench/hostile -crowd 500 [-rounds 3] [-for 5s] [-docs docs/measured/hostile.md]
//
// Gateway, NATS and attacker are processes of their own, on loopback. docs/measured/hostile.md says
// how to read the table. It needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Roles of the program's own processes.
const (
	roleServe  = "serve"
	roleBroker = "broker"
	roleAttack = "attack"
)

// settings are the program's flags.
type settings struct {
	rounds   int
	duration time.Duration // of each interval of a round
	share    float64       // of a processor, that an attack takes of the gateway's
	pace     time.Duration // between two events of the neighbor
	profiles string        // folder; empty for none
	docs     string
	// crowd is how many neighbors are measured beside one client that is over its limit; 0: rows
	// are measured.
	crowd int
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 3, "how often each row is measured; medians count")
	flag.DurationVar(&s.duration, "for", time.Second, "how long each of three intervals of a round lasts")
	flag.Float64Var(&s.share, "share", 0.25, "how much of a processor an attack has the gateway take")
	flag.DurationVar(&s.pace, "pace", 2*time.Millisecond, "time between two events of the neighbor")
	flag.StringVar(&s.profiles, "profiles", "", "folder for a CPU profile of the gateway for each row (default: none)")
	flag.StringVar(&s.docs, "docs", "", "Markdown file whose part between the marks is written (default: only print)")
	flag.IntVar(&s.crowd, "crowd", 0, "measure so many neighbors beside one client at 100 times its limit, instead of rows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, s, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, args []string) error {
	if len(args) > 0 {
		switch role, rest := args[0], args[1:]; {
		case role == roleServe && len(rest) == 3:
			return serveUntil(ctx, rest[0], rest[1], rest[2], os.Stdin, os.Stdout)
		case role == roleBroker:
			return brokerUntil(os.Stdin, os.Stdout)
		case role == roleAttack && len(rest) == 3:
			return attackAs(ctx, rest[0], rest[1], rest[2])
		}
	}
	if s.crowd > 0 {
		return runCrowd(ctx, s, os.Stdout)
	}
	chosen, err := choose(args)
	if err != nil {
		return err
	}
	r := &report{settings: s}
	for _, row := range chosen {
		began := time.Now()
		m, err := measure(ctx, s, row)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		r.all = append(r.all, m)
		fmt.Fprintf(os.Stderr, "%s %v %s\n", time.Since(began).Round(time.Second), row.name, m)
	}
	if err := r.print(os.Stdout); err != nil {
		return err
	}
	if s.docs == "" {
		return nil
	}
	return r.write(s.docs)
}

func attackAs(ctx context.Context, name, address, bytesPerSecond string) error {
	r, err := rowNamed(name)
	if err != nil {
		return err
	}
	pace, err := strconv.ParseFloat(bytesPerSecond, 64)
	if err != nil {
		return fmt.Errorf("read the pace: %w", err)
	}
	if err := beNice(); err != nil {
		return err
	}
	return attackUntil(ctx, r, address, pace, os.Stdin, os.Stdout)
}

// beNice leaves the processors to the other processes. Linux has a priority for each thread, and
// new ones take it from those that there are.
func beNice() error {
	const nicest = 19
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, nicest); err != nil {
			return fmt.Errorf("lower the priority: %w", err)
		}
	}
	return nil
}

// choose returns the rows that are named, or all, with those that they are compared with.
func choose(names []string) ([]row, error) {
	if len(names) == 0 {
		return rows, nil
	}
	wanted := slices.Clone(names)
	for _, name := range names {
		r, err := rowNamed(name)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, r.like)
	}
	var chosen []row
	for _, r := range rows {
		if slices.Contains(wanted, r.name) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no row is chosen")
	}
	return chosen, nil
}
