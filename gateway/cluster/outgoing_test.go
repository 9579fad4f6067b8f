// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// clock is a time that a test sets.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// droppedFor is how much a gateway has not published, by reason, without what is zero.
func droppedFor(g *gateway) map[string]int {
	dropped := map[string]int{}
	for _, reason := range natsconn.DropReasons {
		if n := int(testutil.ToFloat64(g.cluster.metrics.dropped.WithLabelValues(reason))); n > 0 {
			dropped[reason] = n
		}
	}
	return dropped
}

// After 8 MiB the client library refused to publish, and then nobody got anything.
func TestClientsOfOneGatewayHearEachOtherHoweverLongNATSIsAway(t *testing.T) {
	checkNothingIsLeft(t)
	proxy := natstest.NewProxy(t, natstest.Start(t, nil).ClientURL())
	g := newGateway(t, Options{URLs: []string{proxy.URL()}})
	near, socket := g.Client(t, "room")
	proxy.Cut()
	await(t, "NATS is away", func() bool { return !g.cluster.link.Live() })
	text := strings.Repeat("x", 1<<19)
	const events = 20 // of 10 MiB
	for i := range events {
		emit(t, g.IO.To("room"), "n", i, text)
		near.Expect(fmt.Sprintf(`42["n",%d,"%s"]`, i, text))
	}
	emit(t, g.IO.To("room").Volatile(), "volatile")
	near.Expect(`42["volatile"]`)
	emit(t, g.IO.To(socket.ID()), "direct")
	near.Expect(`42["direct"]`)
	got := droppedFor(g)
	if got[natsconn.DropVolatile] != 1 || got[natsconn.DropFull] == 0 || got[natsconn.DropFull]+got[natsconn.DropExpired] >= events {
		t.Errorf("not published: %v, want the volatile event, and all others but the few that may wait", got)
	}
}

func TestWhatWaitsForNATSGoesOutSoonOrNever(t *testing.T) {
	for _, tt := range []struct {
		name    string
		away    time.Duration
		want    []string
		dropped map[string]int
	}{
		{"a short interruption", natsconn.OutgoingAge / 2, []string{"0", "1", "2", "end"}, map[string]int{}},
		{"a long one", 2 * natsconn.OutgoingAge, []string{"end"}, map[string]int{natsconn.DropExpired: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, nil)
			proxy := natstest.NewProxy(t, ns.ClientURL())
			var now clock
			one := newGateway(t, Options{URLs: []string{proxy.URL()}, timing: soon, now: now.now})
			two := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
			far, _ := two.Client(t, "room")
			await(t, "NATS is there", one.cluster.link.Live)
			proxy.Cut()
			await(t, "NATS is away", func() bool { return !one.cluster.link.Live() })
			for i := range 3 {
				emit(t, one.IO.To("room"), "n", fmt.Sprint(i))
			}
			now.advance(tt.away)
			proxy.Mend()
			await(t, "NATS is back", one.cluster.link.Live)
			emit(t, one.IO.To("room"), "n", "end")
			for _, want := range tt.want {
				far.Expect(fmt.Sprintf(`42["n","%s"]`, want))
			}
			if diff := cmp.Diff(tt.dropped, droppedFor(one)); diff != "" {
				t.Errorf("not published (-want +got):\n%s", diff)
			}
		})
	}
}
