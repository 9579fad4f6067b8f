// SPDX-License-Identifier: Apache-2.0

package netpoll

import "time"

const (
	// patience is how long connections may wait to be served before they get another worker.
	patience = 2 * time.Millisecond
	// workersAtMost is how many workers a loop has, those apart whose handlers wait. There is a loop for each two processors.
	workersAtMost = 2
)

// tick sees to it that somebody looks for connections that are kept waiting. The lock is held.
func (l *loop) tick() {
	switch {
	case l.ticking:
		return
	case l.ticker == nil:
		l.ticker = time.AfterFunc(patience, l.look)
	default:
		l.ticker.Reset(patience)
	}
	l.ticking = true
}

// look hires workers if all there are have been busy with one connection each for longer than patience, or with many, and others wait.
func (l *loop) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	l.ticking = false
	l.losePatience()
	if l.waiting.len() == 0 && l.tasks.len() == 0 && (l.polling || l.count == 0) {
		return // nobody waits, however long some handlers take
	}
	l.tick()
	stuck := l.stuck()
	switch free := l.free(stuck); {
	case free == 0:
		// Twice as many each time, so that handlers that wait for a database soon all wait at once; but no more than there is to do,
		// and one to wait for epoll.
		for range min(max(stuck, 1), l.waiting.len()+1) {
			l.hire()
		}
	case free < workersAtMost && l.waiting.len() > 0 && l.waiting.first().since+1 < l.clock:
		l.hire()
	}
}

// stuck is the number of workers that have been busy with one connection for longer than patience. The lock is held.
func (l *loop) stuck() int {
	n := 0
	for _, w := range l.workers {
		if w.serving != nil && w.since+1 < l.clock {
			n++
		}
	}
	return n
}

// free is the number of workers that come to what waits. The lock is held.
func (l *loop) free(stuck int) int {
	free := len(l.workers) - stuck
	if l.polling && !l.awoken {
		free--
	}
	return free
}
