// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// placements are the ways in which three gateways are connected.
var placements = []struct {
	name string
	urls func(testing.TB) []string
}{
	{"servers=1", func(t testing.TB) []string {
		url := natstest.Start(t, nil).ClientURL()
		return []string{url, url, url}
	}},
	{"servers=3", func(t testing.TB) []string { return natstest.StartTrio(t).URLs() }},
	{"servers=3,delay=5ms", func(t testing.TB) []string { return natstest.StartDistantTrio(t, routeDelay).URLs() }},
}

// linked connects three clusters that know each other, with an adapter each.
func linked(b *testing.B, urls []string) (clusters []*Cluster, adapters []*adapter) {
	b.Helper()
	for _, url := range urls {
		c, err := Connect(Options{Service: "default/bench", URLs: []string{url}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(c.Close)
		io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = io.Close() })
		clusters, adapters = append(clusters, c), append(adapters, io.Of("/").Adapter().(*adapter))
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, c := range clusters {
		for len(c.peers.List()) < len(clusters)-1 {
			<-tick.C
		}
	}
	return clusters, adapters
}

// BenchmarkJoin subscribes to one new room after the other, or as many at a time as there are
// joiners.
func BenchmarkJoin(b *testing.B) {
	for _, p := range placements {
		for _, joiners := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/joiners=%d", p.name, joiners), func(b *testing.B) {
				_, adapters := linked(b, p.urls(b))
				a := adapters[0]
				work := make(chan int)
				done := make(chan struct{})
				for range joiners {
					go func() {
						for i := range work {
							a.subscriptions.want([]string{a.subjects.Room(fmt.Sprint(i))})
						}
						done <- struct{}{}
					}()
				}
				b.ResetTimer()
				for i := range b.N {
					work <- i
				}
				close(work)
				for range joiners {
					<-done
				}
			})
		}
	}
}

// BenchmarkPublisher sends one document after the other over NATS, each when the one before is
// answered.
func BenchmarkPublisher(b *testing.B) {
	for _, p := range placements {
		b.Run(p.name, func(b *testing.B) {
			urls := p.urls(b)
			clusters, adapters := linked(b, urls)
			for i, c := range clusters {
				stop, err := c.ServeQueue("emit", "gateways", func(_ context.Context, _ []byte, answer func([]byte)) {
					d := socketio.Delivery{Target: socketio.Target{Rooms: []string{"room"}}, Text: []byte(`2["n",1]`)}
					if err := adapters[i].Broadcast(&d); err != nil {
						b.Error(err)
					}
					answer([]byte("ok"))
				})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { <-stop() }()
				if err := c.nc.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			publisher, err := nats.Connect(urls[2])
			if err != nil {
				b.Fatal(err)
			}
			defer publisher.Close()
			b.ResetTimer()
			for range b.N {
				if _, err := publisher.Request("emit", nil, 10*time.Second); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
