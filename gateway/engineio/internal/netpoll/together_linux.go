// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"sync/atomic"
	"time"
)

// sampleEvery is how many tasks of a loop come to one whose time is measured: a power of two. A
// sample costs less than a microsecond, and a task that writes takes several.
const sampleEvery = 64

// Together calls queue, which adds tasks, and starts no task until queue returns or has taken some
// milliseconds, so that one task does what otherwise two would do one after the other. The returned
// channel is closed when all added tasks are done.
func (p *Poller) Together(queue func()) (done <-chan struct{}) {
	held := make([]uint64, len(p.loops))
	for i := range p.loops {
		held[i] = p.loops[i].hold()
	}
	queue()
	end := &mark{done: make(chan struct{})}
	end.loops.Store(int32(len(p.loops)))
	for i := range p.loops {
		p.loops[i].release(held[i], end)
	}
	return end.done
}

// mark is a position after the tasks of several loops.
type mark struct {
	loops atomic.Int32 // that have tasks before it that are not done
	done  chan struct{}
	// observe, of a sample, is called with the time since a moment; such a mark has no more.
	observe func(time.Duration)
	since   time.Time
}

// sample measures the task that was added last, if it is its turn. The lock is held.
func (l *loop) sample() {
	if last := l.taken + uint64(l.tasks.len()); l.observe != nil && last%sampleEvery == 0 {
		l.marks.push(placedMark{&mark{observe: l.observe, since: time.Now()}, last})
	}
}

// reached is called once by each loop.
func (m *mark) reached() {
	if m.observe != nil {
		m.observe(time.Since(m.since))
		return
	}
	if m.loops.Add(-1) == 0 {
		close(m.done)
	}
}

// placedMark is a mark after a number of tasks of a loop.
type placedMark struct {
	*mark
	after uint64
}

// reachMarks notifies marks whose tasks are all done. Workers take tasks in order, but one may
// still be running some when another has finished later ones. The lock is held.
func (l *loop) reachMarks() {
	done := l.taken
	if len(l.batches) > 0 {
		done = l.batches[0]
	}
	for l.marks.len() > 0 && l.marks.first().after <= done {
		l.marks.pop().reached()
	}
}

// hold keeps tasks from starting until release, or until they have waited for longer than patience.
// Another hold replaces it.
func (l *loop) hold() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds++
	l.heldBy, l.heldSince = l.holds, l.clock
	return l.heldBy
}

// release ends a hold, unless it has ended, and places a mark after the present tasks.
func (l *loop) release(hold uint64, m *mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks.push(placedMark{m, l.taken + uint64(l.tasks.len())})
	l.reachMarks()
	if l.heldBy == hold {
		l.heldBy = 0
	}
	if l.tasks.len() > 0 {
		l.attendTasks()
	}
}

// due reports whether tasks may run now. The lock is held.
func (l *loop) due() bool { return l.tasks.len() > 0 && l.heldBy == 0 }

// attendTasks makes sure that a worker takes the tasks, now or when a hold has lasted too long. The
// lock is held.
func (l *loop) attendTasks() {
	if l.heldBy == 0 {
		l.attend()
		return
	}
	l.tick()
}

// losePatience ends a hold that delays tasks for too long. The lock is held.
func (l *loop) losePatience() {
	if l.heldBy != 0 && l.heldSince+1 < l.clock && l.tasks.len() > 0 {
		l.heldBy = 0
		l.attend()
	}
}
