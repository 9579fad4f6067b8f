// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// TestLoads has each load misbehave once, to the end that it is meant to come to, and the neighbour answered all the while.
func TestLoads(t *testing.T) {
	for _, l := range loads {
		t.Run(l.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			server, err := newServer()
			if err != nil {
				t.Fatal(err)
			}
			hs := httptest.NewServer(server)
			defer func() {
				server.Close()
				hs.Close()
				goleak.VerifyNone(t, before)
			}()
			address := strings.TrimPrefix(hs.URL, "http://")
			n, err := newNeighbour(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			defer n.close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{}, 1)
			run := l.run
			l.atOnce = 1
			l.run = func(ctx context.Context, a *attacker) error {
				err := run(ctx, a)
				if err == nil {
					select {
					case ended <- struct{}{}:
					default:
					}
				}
				return err
			}
			attacks := make(chan int64, 1)
			go func() { attacks <- attack(ctx, l, address) }()
			latencies, err := n.echo(time.Millisecond, 100*time.Millisecond)
			if err != nil || len(latencies) != 100 {
				t.Errorf("%d events are answered: %v", len(latencies), err)
			}
			switch l.name {
			case "half-open", "slow-loris": // go on for ever
				awaitConnections(t, server, 2)
			default:
				<-ended
			}
			cancel()
			<-attacks
		})
	}
}

// awaitConnections waits until so many clients are there.
func awaitConnections(t *testing.T, server *socketio.Server, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for server.Connections() < n {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d clients are there", server.Connections())
		}
	}
}

func TestPercentile(t *testing.T) {
	r := &result{}
	for i := range 200 {
		r.latencies = append(r.latencies, time.Duration(i+1)*time.Millisecond)
	}
	if p50, p99 := r.percentile(50), r.percentile(99); p50 != 100 || p99 != 198 {
		t.Errorf("p50 is %v ms, p99 is %v ms", p50, p99)
	}
}
