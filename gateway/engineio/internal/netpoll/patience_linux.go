// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"slices"
	"time"
)

const (
	// retryAtMost is the most looks between two attempts to hand a connection on.
	retryAtMost = 50
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

// held is a connection with which a worker has been busy since the last look, and its handler.
type held struct {
	conn    *Conn
	handler Handler
}

// look hands on connections with which workers have been busy for some looks. It hires workers if all there are have been,
// or have been busy with many, and others wait.
func (l *loop) look() {
	l.mu.Lock()
	l.clock++
	long := l.held()
	l.mu.Unlock()
	handedOn := 0
	for _, h := range long {
		if l.handOn(h.conn, h.handler, false) {
			handedOn++
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticking = false
	l.losePatience()
	if l.waiting.len() == 0 && l.tasks.len() == 0 && (l.polling || l.count == 0) {
		if l.serves() {
			l.tick() // what a handler does not let go of now, it may later
		}
		return // nobody waits, however long some handlers take
	}
	l.tick()
	stuck := l.stuck()
	switch free := l.free(stuck); {
	case free == 0:
		// Twice as many each time, so that handlers that wait for a database soon all wait at once; but no more than there is to do,
		// and one to wait for epoll.
		for range min(max(stuck+handedOn, 1), l.waiting.len()+1) {
			l.hire()
		}
	case free < 2*handedOn:
		// The same, with those whose connections were handed on, and who do not come back to the others.
		for range min(2*handedOn-free, l.waiting.len()) {
			l.hire()
		}
	case free < workersAtMost && l.waiting.len() > 0 && l.waiting.first().since+1 < l.clock:
		l.hire()
	}
}

// held lists connections that are to be handed on. One that was not let go of comes again, less and less often. The lock is held.
func (l *loop) held() (long []held) {
	for _, w := range l.workers {
		if w.serving == nil || w.next > l.clock || w.serving.handler == nil {
			continue
		}
		w.next = l.clock + min(max((l.clock-w.since)/2, 1), retryAtMost)
		long = append(long, held{w.serving, w.serving.handler})
	}
	return long
}

// serves tells whether a worker serves a connection that is not closed. The lock is held.
func (l *loop) serves() bool {
	return slices.ContainsFunc(l.workers, func(w *worker) bool { return w.serving != nil && w.serving.handler != nil })
}

// handOn has others serve a connection, if its handler lets go of it. The lock is not held.
func (l *loop) handOn(c *Conn, h Handler, atOnce bool) bool {
	if !h.HandOn(atOnce) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.workers {
		if w.serving == c {
			w.loose = true
			l.loose++
			l.dismiss(w)
			break
		}
	}
	c.scheduled = false
	c.events |= c.serving | unhandled | readable // of which the handler may have done some
	l.happen(c, 0)
	return true
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
