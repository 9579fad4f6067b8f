// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// BenchmarkFiftyThousandRooms has a gateway subscribed to so many rooms, and measures what a
// message of another gateway to one of them costs, a thousand at a time. subscribe-ms is how long
// it took to subscribe to all.
func BenchmarkFiftyThousandRooms(b *testing.B) {
	for _, rooms := range []int{1, 50_000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			ns := natstest.Start(b, nil)
			clusters := make([]*Cluster, 2)
			adapters := make([]*adapter, 2)
			for i := range clusters {
				c, err := Connect(Options{Service: "default/bench", URLs: []string{ns.ClientURL()}})
				if err != nil {
					b.Fatal(err)
				}
				io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter})
				if err != nil {
					b.Fatal(err)
				}
				adapters[i] = io.Of("/").Adapter().(*adapter)
				defer c.Close()
				defer io.Close()
				clusters[i] = c
			}
			name := func(i int) string { return fmt.Sprintf("room-%d", i) }
			begun := time.Now()
			for first := 0; first < rooms; first += 1000 {
				var subjects []string
				for i := first; i < min(first+1000, rooms); i++ {
					subjects = append(subjects, adapters[1].subjects.Interest(name(i)))
				}
				adapters[1].subscriptions.want(subjects)
			}
			subscribed := time.Since(begun)

			// The far gateway's dispatch counts what comes in; settle waits until it has.
			before := counterOf(b, clusters[1])
			b.ResetTimer()
			for i := range b.N {
				d := socketio.Delivery{Target: socketio.Target{Rooms: []string{name(i % rooms)}}, Text: []byte(`2["n",1]`)}
				if err := adapters[0].Broadcast(&d); err != nil {
					b.Fatal(err)
				}
				if i%1000 == 999 {
					awaitCounter(b, clusters[1], before+float64(i+1))
				}
			}
			awaitCounter(b, clusters[1], before+float64(b.N))
			b.ReportMetric(float64(subscribed.Milliseconds()), "subscribe-ms")
		})
	}
}

func counterOf(b *testing.B, c *Cluster) float64 {
	b.Helper()
	return testutil.ToFloat64(c.metrics.received)
}

// awaitCounter waits until a gateway has received so many messages.
func awaitCounter(b *testing.B, c *Cluster, want float64) {
	b.Helper()
	tick := time.NewTicker(50 * time.Microsecond)
	defer tick.Stop()
	for counterOf(b, c) < want {
		<-tick.C
	}
}
