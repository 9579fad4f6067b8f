// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway"
)

// TestRows has two clients of each row do once what they are for, to the end that it is meant to
// come to, while the neighbor is answered.
func TestRows(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	broker, err := startBroker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	for _, service := range []string{serviceJSON, serviceMsgpack, serviceLog} {
		t.Run(service, func(t *testing.T) {
			address := serveInTest(t, service, broker.ClientURL())
			for _, r := range rows {
				if r.service == service || r.service == "" && service == serviceJSON {
					t.Run(r.name, func(t *testing.T) { tryRow(t, r, service, address) })
				}
			}
		})
	}
}

func serveInTest(t *testing.T, service, natsURL string) (address string) {
	t.Helper()
	g, err := newGateway(t.Context(), service, service, natsURL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := gateway.Serve(ctx, l, withControl(g)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		stop()
		serving.Wait()
	})
	return l.Addr().String()
}

func tryRow(t *testing.T, r row, service, address string) {
	n, err := newNeighbor(t.Context(), address, service)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r.clients, r.act = 2, once(r.act)
	a := newAttacker(ctx, r, address, 0)
	var attack sync.WaitGroup
	attack.Go(func() {
		if _, err := a.attack(); err != nil {
			t.Error(err)
		}
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !a.came() && ctx.Err() == nil {
		<-tick.C
	}
	if ctx.Err() != nil {
		t.Errorf("the attack does not come to its end: it was done %d times, and connections ended so: %v", a.done.Load(), a.endsNow())
	}
	if l, err := n.echo(time.Millisecond, 20*time.Millisecond); err != nil || len(l) != 20 {
		t.Errorf("%d events of the neighbor are answered: %v", len(l), err)
	}
	cancel()
	attack.Wait()
}

// once does it once.
func once(act func(context.Context, *attacker, *client) error) func(context.Context, *attacker, *client) error {
	return func(ctx context.Context, a *attacker, c *client) error {
		if err := act(ctx, a, c); err != nil && !errors.Is(err, errAgain) {
			return err
		}
		a.done.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
}

// came reports whether the attack has come to its end.
func (a *attacker) came() bool {
	if a.row.ends == "" {
		return a.done.Load() > 0
	}
	return a.endsNow()[a.row.ends] > 0
}

func (a *attacker) endsNow() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.ends)
}

// TestACrowdIsAnsweredBesideAFlood has a client of a crowd be refused what it sends too much, while
// the others are answered.
func TestACrowdIsAnsweredBesideAFlood(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	broker, err := startBroker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	address := serveInTest(t, serviceLimited, broker.ClientURL())
	c, err := newCrowd(t.Context(), address, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ctx, cancel := context.WithCancel(t.Context())
	a := newAttacker(ctx, overLimitRow, address, 0)
	var attack sync.WaitGroup
	attack.Go(func() {
		if _, err := a.attack(); err != nil {
			t.Error(err)
		}
	})
	<-a.begun
	l, err := c.echo(2 * crowdPace)
	if err != nil || len(l) != 20 {
		t.Errorf("%d events of the crowd are answered: %v", len(l), err)
	}
	cancel()
	attack.Wait()
	if refused, err := refusedBy(t.Context(), address); err != nil || refused == 0 {
		t.Errorf("%v events are refused: %v", refused, err)
	}
	http.DefaultClient.CloseIdleConnections()
	r := &crowdResult{size: 10, quiet: []float64{1}, flooded: []float64{1.6}, bytes: []float64{2048}, refused: 7}
	if text := r.markdown(settings{rounds: 1}); !strings.Contains(text, "| 10 | 1.00 | 1.60 | 1.60× ✗ | 2 | 7 |") {
		t.Errorf("the report is %s", text)
	}
}

func TestRowsAreComparedWithPlainOnes(t *testing.T) {
	for _, r := range rows {
		if slices.ContainsFunc(plainRows, func(p row) bool { return p.name == r.name }) != (r.like == "") {
			t.Errorf("%s is compared with %q", r.name, r.like)
		}
		if _, err := rowNamed(r.like); r.like != "" && err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func TestPercentile(t *testing.T) {
	var l latencies
	for i := range 200 {
		l = append(l, time.Duration(i+1)*time.Millisecond)
	}
	if p50, p99 := l.percentile(50), l.percentile(99); p50 != 100 || p99 != 198 {
		t.Errorf("p50 is %v ms, p99 is %v ms", p50, p99)
	}
}

// TestReport has one row that meets its goals and one that misses all of them.
func TestReport(t *testing.T) {
	row := func(name, like string, cpu, bytes, here float64) *measurement {
		return &measurement{
			row: row{name: name, like: like}, cpu: []float64{cpu}, natsCPU: []float64{0}, goBytes: bytes, clients: 1,
			alone: []float64{1}, elsewhere: []float64{1}, here: []float64{here},
		}
	}
	r := &report{all: []*measurement{
		row("plain", "", 10, 0, 1), row("good", "plain", 30, 64*kib, 1.3), row("bad", "plain", 31, 64*kib+1, 1.4),
	}}
	text := r.markdown()
	if want := "Goals are missed by bad (CPU), bad (memory), bad (neighbor).\n"; !strings.Contains(text, want) {
		t.Errorf("%s\nlacks %q", text, want)
	}
	for name, want := range map[string]int{"| good |": 3, "| bad |": 0} {
		_, line, _ := strings.Cut(text, name)
		line, _, _ = strings.Cut(line, "\n")
		if strings.Count(line, "✓") != want || strings.Count(line, "✗") != 3-want {
			t.Errorf("%s%s", name, line)
		}
	}
	if got := median([]float64{3, math.Inf(1), 1}); got != 3 {
		t.Errorf("the median is %v", got)
	}
}
