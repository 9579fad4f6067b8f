// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// clock is a time that a test sets.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// droppedFor is how much a gateway has not published, by reason, without what is zero.
func droppedFor(g *gateway) map[string]int {
	dropped := map[string]int{}
	for _, reason := range dropReasons {
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
	near, socket := g.client(t, "room")
	proxy.Cut()
	await(t, "NATS is away", func() bool { return !g.cluster.link.live.Load() })
	text := strings.Repeat("x", 1<<19)
	const events = 20 // of 10 MiB
	for i := range events {
		emit(t, g.io.To("room"), "n", i, text)
		near.Expect(fmt.Sprintf(`42["n",%d,"%s"]`, i, text))
	}
	emit(t, g.io.To("room").Volatile(), "volatile")
	near.Expect(`42["volatile"]`)
	emit(t, g.io.To(socket.ID()), "direct")
	near.Expect(`42["direct"]`)
	got := droppedFor(g)
	if got[dropVolatile] != 1 || got[dropFull] == 0 || got[dropFull]+got[dropExpired] >= events {
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
		{"a short interruption", outgoingAge / 2, []string{"0", "1", "2", "end"}, map[string]int{}},
		{"a long one", 2 * outgoingAge, []string{"end"}, map[string]int{dropExpired: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, nil)
			proxy := natstest.NewProxy(t, ns.ClientURL())
			var now clock
			one := newGateway(t, Options{URLs: []string{proxy.URL()}, timing: soon, now: now.now})
			two := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
			far, _ := two.client(t, "room")
			await(t, "NATS is there", one.cluster.link.live.Load)
			proxy.Cut()
			await(t, "NATS is away", func() bool { return !one.cluster.link.live.Load() })
			for i := range 3 {
				emit(t, one.io.To("room"), "n", fmt.Sprint(i))
			}
			now.advance(tt.away)
			proxy.Mend()
			await(t, "NATS is back", one.cluster.link.live.Load)
			emit(t, one.io.To("room"), "n", "end")
			for _, want := range tt.want {
				far.Expect(fmt.Sprintf(`42["n","%s"]`, want))
			}
			if diff := cmp.Diff(tt.dropped, droppedFor(one)); diff != "" {
				t.Errorf("not published (-want +got):\n%s", diff)
			}
		})
	}
}

// pipe is a connection to NATS that a test blocks.
type pipe struct {
	mu      sync.Mutex
	sent    []string
	err     error
	entered chan struct{} // told when publish blocks
	blocked chan struct{} // publish waits for it, unless nil
}

func (w *pipe) publish(subject string, _ []byte) error {
	w.mu.Lock()
	blocked := w.blocked
	w.mu.Unlock()
	if blocked != nil {
		w.entered <- struct{}{}
		<-blocked
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.sent = append(w.sent, subject)
	}
	return w.err
}

func (w *pipe) set(err error, blocked chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err, w.blocked = err, blocked
}

// outgoingOver is what publishes on a pipe, until the test ends.
func outgoingOver(t *testing.T, w *pipe) (*outgoing, func() map[string]int) {
	t.Helper()
	var mu sync.Mutex
	dropped := map[string]int{}
	w.entered = make(chan struct{})
	o := &outgoing{
		publish:   w.publish,
		connected: func() bool { return true },
		dropped: func(reason string) {
			mu.Lock()
			defer mu.Unlock()
			dropped[reason]++
		},
		now:  time.Now,
		more: make(chan struct{}, 1),
	}
	o.idle.L = &o.mu
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { o.run(stop) })
	t.Cleanup(func() {
		close(stop)
		running.Wait()
	})
	return o, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return dropped
	}
}

func TestAConnectionThatBlocksHoldsUpOneGoroutine(t *testing.T) {
	var w pipe
	o, dropped := outgoingOver(t, &w)
	blocked := make(chan struct{})
	w.set(nil, blocked)
	var sender sync.WaitGroup
	sender.Go(func() { o.send("0", nil) })
	<-w.entered
	for i := 1; i < 5; i++ {
		o.send(fmt.Sprint(i), nil) // returns
	}
	w.set(nil, nil)
	close(blocked)
	sender.Wait()
	o.close()
	await(t, "all is sent", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.sent) == 5
	})
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, w.sent); diff != "" || len(dropped()) > 0 {
		t.Errorf("sent (-want +got):\n%s\ndropped %v", diff, dropped())
	}
}

func TestWhatCannotBePublishedIsCounted(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want map[string]int
	}{
		{"too large", nats.ErrMaxPayload, map[string]int{dropTooLarge: 1}},
		{"a failed write", nats.ErrTimeout, map[string]int{dropFailed: 1}},
		{"an end", nats.ErrConnectionClosed, map[string]int{dropClosed: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := pipe{err: tt.err}
			o, dropped := outgoingOver(t, &w)
			o.send("subject", nil)
			if diff := cmp.Diff(tt.want, dropped()); diff != "" {
				t.Errorf("dropped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatWaitsForNATSIsBounded(t *testing.T) {
	w := pipe{err: nats.ErrReconnectBufExceeded}
	o, dropped := outgoingOver(t, &w)
	o.connected = func() bool { return false }
	data := make([]byte, outgoingBytes/4)
	for range 5 {
		o.send("subject", data)
	}
	if diff := cmp.Diff(map[string]int{dropFull: 2}, dropped()); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	w.set(nil, nil)
	o.flush()
	if len(w.sent) != 3 || o.bytes != 0 {
		t.Errorf("%d were sent, %d bytes are left", len(w.sent), o.bytes)
	}
}
