// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"slices"
	"time"
)

const (
	// retryAtMost is the maximum number of looks between two attempts to hand a connection on.
	retryAtMost = 50
	// patience is how long connections wait for the present workers before they get another one.
	patience = 2 * time.Millisecond
	// workersAtMost is the maximum number of workers of a loop, except those whose handlers wait.
	// There is a loop for every two processors.
	workersAtMost = 2
)

// tick makes sure that a timer looks for waiting connections. The lock is held.
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

// held is a connection that a worker has been serving since the last look, and its handler.
type held struct {
	conn    *Conn
	handler Handler
}

// look hands on connections that workers have been serving for several looks. It hires workers if
// connections wait, and all workers serve such connections, or have been busy with many.
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
			l.tick() // a handler that does not let go now may do so later
		}
		return // no connection waits, however long some handlers take
	}
	l.tick()
	stuck := l.stuck()
	switch free := l.free(stuck); {
	case free == 0:
		// Twice as many each time, so that handlers that wait for a database soon all wait at once;
		// but no more than there are connections, and one to wait for epoll.
		for range min(max(stuck+handedOn, 1), l.waiting.len()+1) {
			l.hire()
		}
	case free < 2*handedOn:
		// The same, counting workers whose connections were handed on, which do not return.
		for range min(2*handedOn-free, l.waiting.len()) {
			l.hire()
		}
	case free < workersAtMost && l.waiting.len() > 0 && l.waiting.first().since+1 < l.clock:
		l.hire()
	}
}

// held returns the connections to hand on. Connections that were not let go are retried less and
// less often. The lock is held.
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

// serves reports whether a worker serves a connection that is not closed. The lock is held.
func (l *loop) serves() bool {
	return slices.ContainsFunc(l.workers, func(w *worker) bool { return w.serving != nil && w.serving.handler != nil })
}

// handOn lets other workers serve a connection, if its handler lets it go, which it reports. The
// lock is not held.
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
	c.events |= c.serving | unhandled | readable // the handler may have done some of it
	l.happen(c, 0)
	return true
}

// long makes other workers serve at once what is waiting for a worker that is going to be busy with
// a connection.
func (l *loop) long(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.workers {
		if w.serving == c {
			w.long = true
		}
	}
	switch waits := l.waiting.len() > 0 || l.tasks.len() > 0; {
	case l.count == 0 && !waits:
	case l.polling && !l.awoken:
		if waits && l.epoll != nil {
			l.awoken = true
			l.epoll.awake()
		}
	case l.free(l.stuck()) == 0:
		l.hire()
	}
}

// stuck returns the number of workers that have been serving one connection for longer than
// patience, or that are going to. The lock is held.
func (l *loop) stuck() int {
	n := 0
	for _, w := range l.workers {
		if w.serving != nil && (w.long || w.since+1 < l.clock) {
			n++
		}
	}
	return n
}

// free returns the number of workers that are available for waiting connections. The lock is held.
func (l *loop) free(stuck int) int {
	free := len(l.workers) - stuck
	if l.polling && !l.awoken {
		free--
	}
	return free
}
