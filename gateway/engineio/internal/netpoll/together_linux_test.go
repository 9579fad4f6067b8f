// SPDX-License-Identifier: Apache-2.0

package netpoll_test

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

func TestTasksThatAreAddedTogetherAreDoneAfterwards(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	queues := []netpoll.Queue{p.Queue(), p.Queue(), p.Queue()}
	var queued atomic.Bool
	var did atomic.Int32
	done := p.Together(func() {
		for _, q := range queues {
			q.Add(task(func() {
				if !queued.Load() {
					t.Error("a task was begun while others were still added")
				}
				did.Add(1)
			}))
		}
		queued.Store(true)
	})
	receive(t, done)
	if n := did.Load(); n != int32(len(queues)) {
		t.Errorf("%d tasks were done, want %d", n, len(queues))
	}
}

func TestWhatTakesLongHoldsNoTaskUp(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	receive(t, p.Together(func() {
		did := make(chan struct{})
		p.Queue().Add(task(func() { close(did) }))
		receive(t, did)
		// The next one is held up by nothing either.
		did = make(chan struct{})
		p.Queue().Add(task(func() { close(did) }))
		receive(t, did)
	}))
}

func TestTogetherWithinTogether(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	did := make(chan struct{})
	outer := p.Together(func() {
		p.Queue().Add(task(func() { close(did) }))
		receive(t, p.Together(func() {}))
	})
	receive(t, did)
	receive(t, outer)
}

// Workers take tasks in order, but the second may be done with its tasks before the first is.
func TestTheEndOfTasksIsWhenAllWorkersAreDoneWithThem(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	_, server := pair(t)
	r, _ := start(t, p, server, "")
	r.keep.Store(true)
	begun, finish := make(chan struct{}), make(chan struct{})
	done := p.Together(func() {
		r.conn.Queue().Add(task(func() {
			close(begun)
			<-finish
		}))
		for range 100 { // more than a worker takes at once
			r.conn.Queue().Add(task(func() {}))
		}
	})
	receive(t, begun)
	r.conn.SetDeadline(time.Unix(1, 0)) // for which another worker comes
	receive(t, r.ended)
	passed := make(chan struct{})
	r.conn.Queue().Add(task(func() { close(passed) })) // behind the end
	receive(t, passed)
	select {
	case <-done:
		t.Error("the end is told while a task is being done")
	default:
	}
	close(finish)
	receive(t, done)
	r.keep.Store(false)
	r.conn.SetDeadline(time.Unix(1, 0))
	receive(t, r.ended)
}

func TestOneTaskInSixtyFourIsMeasured(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	var measured atomic.Int32
	p.Observe(func(waited time.Duration) {
		if waited <= 0 {
			t.Errorf("a task has waited for %v", waited)
		}
		measured.Add(1)
	})
	q := p.Queue()
	receive(t, p.Together(func() {
		for range 200 {
			q.Add(task(func() {}))
		}
	}))
	if n := measured.Load(); n != 3 {
		t.Errorf("%d of 200 tasks were measured, want 3", n)
	}
}

// BenchmarkAdd is what it costs to add a task and to do it, and to measure one in 64.
func BenchmarkAdd(b *testing.B) {
	for name, observe := range map[string]func(time.Duration){"off": nil, "measured": func(time.Duration) {}} {
		b.Run(name, func(b *testing.B) {
			p := netpoll.New(nil)
			p.Observe(observe)
			q := p.Queue()
			for b.Loop() {
				<-p.Together(func() {
					for range 1000 {
						q.Add(task(func() {}))
					}
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/task")
		})
	}
}
