// SPDX-License-Identifier: Apache-2.0

package netpoll

import "sync/atomic"

// Together calls queue, which adds tasks, and lets no task begin before it returns or has taken some
// milliseconds. So what one task would do at first and another a moment later, one does for both.
// What Together returns is closed when all that has been added is done.
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

// mark is a place behind the tasks of several loops.
type mark struct {
	loops atomic.Int32 // whose tasks before it are not all done
	done  chan struct{}
}

// reached is called once by each loop.
func (m *mark) reached() {
	if m.loops.Add(-1) == 0 {
		close(m.done)
	}
}

// placedMark is a mark behind a number of tasks of a loop.
type placedMark struct {
	*mark
	after uint64
}

// reachMarks tells marks that all tasks before them are done. Workers take tasks in order, but one
// may still be doing some when another is done with later ones. The lock is held.
func (l *loop) reachMarks() {
	done := l.taken
	if len(l.batches) > 0 {
		done = l.batches[0]
	}
	for l.marks.len() > 0 && l.marks.first().after <= done {
		l.marks.pop().reached()
	}
}

// hold keeps tasks from being begun, until release or until they have waited for longer than
// patience. Another hold takes its place.
func (l *loop) hold() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds++
	l.heldBy, l.heldSince = l.holds, l.clock
	return l.heldBy
}

// release ends a hold, if it has not ended, and places a mark behind the tasks that there are.
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

// due tells whether there are tasks to be done now. The lock is held.
func (l *loop) due() bool { return l.tasks.len() > 0 && l.heldBy == 0 }

// attendTasks sees to it that somebody comes to tasks, now or when a hold has lasted too long. The
// lock is held.
func (l *loop) attendTasks() {
	if l.heldBy == 0 {
		l.attend()
		return
	}
	l.tick()
}

// losePatience ends a hold that keeps tasks waiting. The lock is held.
func (l *loop) losePatience() {
	if l.heldBy != 0 && l.heldSince+1 < l.clock && l.tasks.len() > 0 {
		l.heldBy = 0
		l.attend()
	}
}
