// SPDX-License-Identifier: Apache-2.0

// The race detector takes memory of its own.
//go:build linux && !race

package recovery_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/recovery"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// While JetStream is away, all clients that come are waited for at once.
func TestMemoryOfClientsThatWaitForTheLog(t *testing.T) {
	// They take 4 to 6 KiB, and what the allocator has left over on top, by chance up to 2 KiB. A
	// buffer that is held takes 64 KiB.
	const clients, limit = 1000, 6 << 10
	begun := runtime.NumGoroutine()
	goroutines := func(*gateway) int { return runtime.NumGoroutine() - begun }
	for name, test := range map[string]struct {
		packet   string
		recovery *cluster.Recovery
		// connected: before NATS stalls.
		connected bool
		// waiting is how many clients are waited for, at least.
		waiting func(*gateway) int
		limit   int
	}{
		"a session is looked up": {
			packet: `40{"pid":"` + strings.Repeat("x", recovery.PIDLength) + `"}`, recovery: &cluster.Recovery{}, limit: limit,
			waiting: func(g *gateway) int { return g.Cluster.Sessions().LookupsWaiting() + recovery.LookupBatch + 1 },
		},
		// On top come the socket, and the session, which wait to be stored.
		"a new session is stored": {
			packet: "40", recovery: &cluster.Recovery{}, limit: limit,
			waiting: func(g *gateway) int { return g.Cluster.Log().Waiting() },
		},
		"a subscription is pending": {packet: "40", limit: limit, waiting: goroutines},
		"a handler waits":           {packet: `42["wait",{"for":"it"}]`, connected: true, limit: limit, waiting: goroutines},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			proxy := natstest.NewProxy(t, startJetStream(t).ClientURL())
			g := newGateway(t, cluster.Options{URLs: []string{proxy.URL()}, Recovery: test.recovery})
			await(t, "the log is ready", g.Cluster.LogReady)
			release := make(chan struct{})
			g.IO.OnConnection(func(s *socketio.Socket) {
				<-g.Sockets // of the handler before
				s.On("wait", func(*socketio.Event) { <-release })
			})
			crowd := wiretest.NewCrowd(t, g.URL, sockettest.Path, clients)
			await(t, "all clients are there", func() bool { return g.IO.Connections() == clients })
			if test.connected {
				crowd.Send("40")
				await(t, "all clients are connected", func() bool { return g.IO.Of("/").Len() == clients })
			}
			proxy.Stall()
			before := wiretest.MemoryInUse()
			crowd.Send(test.packet)
			await(t, "all clients are waited for", func() bool { return test.waiting(g) >= clients })
			each := wiretest.MemoryOfEach(clients, before, test.limit)
			close(release)
			proxy.Resume()
			crowd.Leave()
			t.Logf("a client that is waited for takes %d bytes", each)
			if each > test.limit {
				t.Errorf("a client that is waited for takes %d bytes, want at most %d", each, test.limit)
			}
		})
	}
}
