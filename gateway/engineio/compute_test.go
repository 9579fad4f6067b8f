// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// computing is a handler that computes when it is told to. It echoes all else.
type computing struct {
	session *engineio.Session
	entered chan<- struct{}
	release <-chan struct{}
	at      *atomic.Int32 // calls that compute now
	most    *atomic.Int32
}

func (h computing) OnMessage(data []byte, _ bool) {
	if string(data) == "compute" {
		h.session.Compute(func() {
			for now := h.at.Add(1); now > h.most.Load(); now = h.at.Load() {
				h.most.Store(now)
			}
			h.entered <- struct{}{}
			<-h.release
			h.at.Add(-1)
		})
	}
	_ = h.session.Send(engineio.NewText(data))
}
func (h computing) OnClose(engineio.CloseReason, error) {}

func TestHalfOfTheProcessorsComputeAndOthersAreServed(t *testing.T) {
	half := max(1, runtime.GOMAXPROCS(0)/2)
	var at, most atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	s := enginetest.Start(t, func(c *engineio.Config) {
		c.OnSession = func(s *engineio.Session) engineio.Handler { return computing{s, entered, release, &at, &most} }
	})
	busy := make([]*enginetest.Socket, 2*half+1)
	for i := range busy {
		busy[i] = s.Dial(websocket)
		busy[i].ReadText()
		busy[i].Write("4compute")
	}
	for range half {
		<-entered
	}
	other := s.Dial(websocket)
	other.ReadText()
	other.Write("4hello")
	if got := other.ReadText(); got != "4hello" {
		t.Errorf("received %q while others compute", got)
	}
	go func() {
		for range len(busy) - half {
			<-entered
		}
	}()
	close(release)
	for _, b := range busy {
		if got := b.ReadText(); got != "4compute" {
			t.Errorf("received %q from a handler that has computed", got)
		}
	}
	if int(most.Load()) != half {
		t.Errorf("%d have computed at a time, want %d", most.Load(), half)
	}
}
