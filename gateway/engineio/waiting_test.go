// SPDX-License-Identifier: Apache-2.0

// The race detector takes memory of its own.
//go:build linux && !race

package engineio_test

import (
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// waiter is a handler that waits.
type waiter struct {
	waiting *atomic.Int32
	release <-chan struct{}
}

func (w waiter) OnMessage([]byte, bool) {
	w.waiting.Add(1)
	<-w.release
	w.waiting.Add(-1)
}
func (w waiter) OnClose(engineio.CloseReason, error) {}

// A goroutine takes 4 KiB when it has called a handler. What the client has sent, and what follows
// the message that is being handled, comes on top.
func TestMemoryOfAWaitingHandler(t *testing.T) {
	const clients, limit = 5000, 6 << 10
	for name, test := range map[string]struct {
		packets string
		limit   int
	}{
		"a short message":              {"4short", limit},
		"a message of half a kilobyte": {"4" + string(make([]byte, 511)), limit + 512},
	} {
		t.Run(name, func(t *testing.T) {
			var waiting atomic.Int32
			release := make(chan struct{})
			s := enginetest.Start(t, with(func(c *engineio.Config) {
				c.OnSession = func(*engineio.Session) engineio.Handler { return waiter{&waiting, release} }
			}))
			crowd := wiretest.NewCrowd(t, s.URL, "", clients)
			enginetest.Eventually(t, "all clients to be there", func() bool { return s.Engine.Len() == clients })
			before := wiretest.MemoryInUse()
			crowd.Send(test.packets)
			enginetest.Eventually(t, "all handlers to wait", func() bool { return waiting.Load() == clients })
			each := wiretest.MemoryOfEach(clients, before, test.limit)
			close(release)
			enginetest.Eventually(t, "all handlers to return", func() bool { return waiting.Load() == 0 })
			t.Logf("a handler that waits takes %d bytes", each)
			if each > test.limit {
				t.Errorf("a handler that waits takes %d bytes, want at most %d", each, test.limit)
			}
		})
	}
}
