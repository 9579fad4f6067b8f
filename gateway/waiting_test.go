// SPDX-License-Identifier: Apache-2.0

// The race detector takes memory of its own.
//go:build linux && !race

package gateway

import (
	"runtime"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A handler of the manifest has evaluated an expression when it waits, so its stack is deeper than
// others; and a history is waited for with room for a page of it.
func TestMemoryOfHandlersOfTheManifestThatWait(t *testing.T) {
	const clients, limit = 1000, 6 << 10
	svc, err := manifest.Load(t.Context(), []byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	for name, event := range map[string]string{
		"for a room's history":    `["past","quiet-room",null]`,
		"for a room's members":    `["who","quiet-room"]`,
		"for a room to be stored": `["enter","quiet-room"]`,
	} {
		t.Run(name, func(t *testing.T) {
			leakCheck(t)
			nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
			proxy := natstest.NewProxy(t, nats.ClientURL())
			other := startWith(t, nats.ClientURL(), 0, render(t, svc)) // which is asked for members
			await(t, other.ops+"/readyz", ready)
			g := startWith(t, proxy.URL(), 0, render(t, svc))
			await(t, g.ops+"/readyz", ready)
			crowd := wiretest.NewCrowd(t, g.clients, enginePath, clients)
			crowd.Send("40")
			crowd.Send(`42["mine"]`) // which is handled when the client is connected
			await(t, g.ops+"/metrics", func(_ int, body string) bool {
				return strings.Contains(body, "\nrealtime_events_total{namespace=\"/\"} 1000\n")
			})
			proxy.Stall()
			before, goroutines := wiretest.MemoryInUse(), runtime.NumGoroutine()
			crowd.Send("420" + event)
			await(t, g.ops+"/metrics", func(_ int, body string) bool {
				return strings.Contains(body, "\nrealtime_handlers_suspended 1000\n")
			})
			awaitWorkers(t, goroutines+clients*9/10)
			each := wiretest.MemoryOfEach(clients, before, limit)
			proxy.Resume()
			crowd.Leave()
			t.Logf("a handler that waits takes %d bytes", each)
			if each > limit {
				t.Errorf("a handler that waits takes %d bytes, want at most %d", each, limit)
			}
		})
	}
}

// awaitWorkers waits for so many goroutines.
func awaitWorkers(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() < n {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), n)
		}
	}
}
