// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/between"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/machine"
)

const (
	// crowdPace is the time between two events of each neighbor of a crowd.
	crowdPace = 500 * time.Millisecond
	// limitRate is how many events per second serviceLimited lets a socket send.
	limitRate = 20
	// overLimit is how much more the attacker of a crowd sends.
	overLimit = 100
	// mostBesideFlood is the goal: the crowd's p99 by that of a quiet run.
	mostBesideFlood = 1.5
)

// Marks between which the document has the crowd.
const (
	beginCrowd = "<!-- make bench-hostile writes the crowd from here -->\n"
	endCrowd   = "<!-- the crowd to here -->\n"
)

// overLimitRow is one client that sends too much, and asks for answers, which say so.
var overLimitRow = row{
	name: "over-limit", does: "events beyond the limit of a socket, each answered", service: serviceLimited, clients: 1,
	prepare: reading, act: sending(echoFrame(131)),
}

// neighbors are quiet clients of a gateway.
type neighbors []*neighbor

func newCrowd(ctx context.Context, address string, size int) (c neighbors, err error) {
	for range size {
		n, err := newNeighbor(ctx, address, serviceLimited)
		if err != nil {
			c.close()
			return nil, err
		}
		c = append(c, n)
	}
	return c, nil
}

func (c neighbors) close() {
	for _, n := range c {
		n.close()
	}
}

// echo has all of them send events, evenly in time, and returns how long the answers took.
func (c neighbors) echo(duration time.Duration) (latencies, error) {
	var all errgroup.Group
	parts := make([]latencies, len(c))
	for i, n := range c {
		all.Go(func() (err error) {
			pause(crowdPace * time.Duration(i) / time.Duration(len(c)))
			parts[i], err = n.echo(crowdPace, duration)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, fmt.Errorf("the crowd: %w", err)
	}
	l := slices.Concat(parts...)
	slices.Sort(l)
	return l, nil
}

// crowdResult is what a crowd has noticed, in ms, with the memory that the gateway has come to hold
// meanwhile, in bytes, and how much it has refused.
type crowdResult struct {
	size                  int
	quiet, flooded, bytes []float64
	refused               float64
}

// measureCrowd measures a crowd in a quiet run and beside the flood, in turns.
func measureCrowd(ctx context.Context, s settings) (*crowdResult, error) {
	b := &bench{settings: s, row: overLimitRow}
	var err error
	if b.broker, err = child.Start(ctx, roleBroker); err != nil {
		return nil, err
	}
	defer b.broker.Stop()
	if b.target, err = child.Start(ctx, roleServe, serviceLimited, "target", "nats://"+b.broker.Address); err != nil {
		return nil, err
	}
	defer b.target.Kill()
	c, err := newCrowd(ctx, b.target.Address, s.crowd)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.echo(2 * crowdPace); err != nil { // warm up
		return nil, err
	}
	result := &crowdResult{size: s.crowd}
	for range s.rounds {
		if err := b.crowdRound(ctx, c, result); err != nil {
			return nil, err
		}
	}
	result.refused, err = refusedBy(ctx, b.target.Address)
	return result, err
}

func (b *bench) crowdRound(ctx context.Context, c neighbors, result *crowdResult) error {
	quiet, err := c.echo(b.duration)
	if err != nil {
		return err
	}
	result.quiet = append(result.quiet, quiet.percentile(99))
	before, err := memoryOf(ctx, b.target.Address)
	if err != nil {
		return err
	}
	pace := float64(overLimit * limitRate * len(echoFrame(131)))
	return b.attack(ctx, b.target, pace, func(func() error) error {
		flooded, err := c.echo(b.duration)
		if err != nil {
			return err
		}
		result.flooded = append(result.flooded, flooded.percentile(99))
		after, err := memoryOf(ctx, b.target.Address)
		result.bytes = append(result.bytes, float64(after.Go-before.Go))
		return err
	}, func(*outcome) {})
}

// refusedBy returns how many events limits have refused on a gateway.
func refusedBy(ctx context.Context, address string) (total float64, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+controlPath+"ops/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("ask for the gateway's metrics: %w", err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		value, is := strings.CutPrefix(lines.Text(), "realtime_limit_exceeded_total{")
		if !is {
			continue
		}
		_, value, _ = strings.Cut(value, "} ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("read the gateway's metrics: %w", err)
		}
		total += n
	}
	return total, lines.Err()
}

func (r *crowdResult) markdown(s settings) string {
	quiet, flooded := median(r.quiet), median(r.flooded)
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; %d rounds of %v.\n\n", time.Now().UTC().Format(time.DateOnly), machine.Describe(), s.rounds, s.duration)
	b.WriteString("| neighbors | p99 in a quiet run, ms | beside the flood, ms | by that | memory, KiB more | refused events |\n")
	b.WriteString("|---:|---:|---:|---|---:|---:|\n")
	fmt.Fprintf(&b, "| %d | %.2f | %.2f | %.2f×%s | %.0f | %.0f |\n\n", r.size, quiet, flooded,
		flooded/quiet, verdict(flooded <= mostBesideFlood*quiet), median(r.bytes)/kib, r.refused)
	return b.String()
}

// runCrowd measures a crowd, and prints or writes the result.
func runCrowd(ctx context.Context, s settings, to io.Writer) error {
	result, err := measureCrowd(ctx, s)
	if err != nil {
		return fmt.Errorf("a crowd beside a flood: %w", err)
	}
	if result.refused == 0 {
		return errors.New("a crowd beside a flood: nothing was refused")
	}
	text := result.markdown(s)
	if _, err := io.WriteString(to, text); err != nil {
		return fmt.Errorf("print the crowd: %w", err)
	}
	if s.docs == "" {
		return nil
	}
	return between.Write(s.docs, beginCrowd, endCrowd, text)
}
