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

// mark is a task behind others, of several loops.
type mark struct {
	loops atomic.Int32 // that have not come to it
	done  chan struct{}
}

// Do is done by each loop.
func (m *mark) Do() {
	if m.loops.Add(-1) == 0 {
		close(m.done)
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

// release ends a hold, if it has not ended, and adds a task.
func (l *loop) release(hold uint64, t Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks.push(t)
	if l.heldBy == hold {
		l.heldBy = 0
	}
	l.attendTasks()
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
