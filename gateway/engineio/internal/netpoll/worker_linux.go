// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"slices"
	"sync"
)

const (
	// eventsAtOnce is the number of connections that one system call reports.
	eventsAtOnce = 128
	// tasksAtOnce is the number of tasks between two looks for connections.
	tasksAtOnce = 64
	// turnsAtOnce is the number of turns between two looks for other connections.
	turnsAtOnce = 16
	// bufferSize is the number of bytes that one system call reads.
	bufferSize = 64 << 10
)

// worker is a worker of a loop. There may be one for each handler that waits, so it is small, and
// borrows what it needs for reading and for tasks.
type worker struct {
	// serving is the connection that it serves, if any; since is the time at which it began, and
	// next the time of the next attempt to hand the connection on. loose: it was handed on. long:
	// the handler has called Long. The loop's lock guards them.
	serving     *Conn
	since, next uint64
	loose, long bool
}

var (
	buffers    = sync.Pool{New: func() any { return new([bufferSize]byte) }}
	taskArrays = sync.Pool{New: func() any { return new([tasksAtOnce]Task) }}
)

// hire starts another worker. The lock is held.
func (l *loop) hire() {
	w := &worker{}
	l.workers = append(l.workers, w)
	go l.work(w)
}

// size returns the number of workers.
func (l *loop) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.workers) + l.loose
}

// work serves connections and runs tasks as long as there are any.
func (l *loop) work(w *worker) {
	for {
		c, happened := l.next(w)
		if c == nil {
			return
		}
		left := l.serve(c, happened)
		if left == handedOn {
			l.leave(w)
			return
		}
		l.done(w, c, left)
	}
}

// next returns the next connection to serve, nil if the worker must leave.
func (l *loop) next(w *worker) (*Conn, events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again >= turnsAtOnce && !l.polling && l.count > 0 {
		l.poll(false) // so that connections that always continue do not hide others
	}
	for l.waiting.len() == 0 || l.due() && l.served >= eventsAtOnce {
		switch {
		case l.due():
			l.doTasks()
			if !l.polling && l.count > 0 {
				l.poll(false)
			}
		case l.polling || l.count == 0:
			l.dismiss(w)
			return nil, 0
		default:
			l.poll(true)
		}
	}
	c := l.waiting.pop()
	happened := c.events
	c.events, c.serving = 0, happened
	l.served++
	w.serving, w.since, w.next, w.long = c, l.clock, l.clock+1, false
	l.tick()
	return c, happened
}

// done puts a connection at the end of the queue if it has more to do, or if there was another
// event in the meantime.
func (l *loop) done(w *worker, c *Conn, left events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.serving = nil
	c.scheduled = false
	if left != 0 {
		c.events |= left
		l.again++
	}
	if c.events != 0 {
		l.happen(c, 0)
	}
}

// leave ends a worker whose connection was handed on.
func (l *loop) leave(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.loose {
		l.loose--
		return
	}
	l.dismiss(w) // handOn has not counted it as loose yet
}

// doTasks runs some of the tasks. The lock is held, except during the tasks.
func (l *loop) doTasks() {
	tasks := taskArrays.Get().(*[tasksAtOnce]Task)
	defer taskArrays.Put(tasks)
	first := l.taken
	n := l.tasks.take(tasks[:])
	l.taken += uint64(n)
	l.batches = append(l.batches, first)
	l.served = 0
	l.mu.Unlock()
	for i, t := range tasks[:n] {
		l.do(t)
		tasks[i] = nil
	}
	l.mu.Lock()
	i, _ := slices.BinarySearch(l.batches, first)
	l.batches = slices.Delete(l.batches, i, i+1)
	l.reachMarks()
}

// poll schedules the connections that epoll reports; it can wait for one. The lock is held, except
// during the wait.
func (l *loop) poll(wait bool) {
	l.polling, l.awoken, l.again = true, !wait, 0
	epoll := l.epoll
	l.mu.Unlock()
	n := epoll.events(wait)
	l.mu.Lock()
	l.polling, l.awoken = false, false
	l.schedule(epoll.reported[:n])
}

func (l *loop) dismiss(w *worker) {
	for i, other := range l.workers {
		if other == w {
			last := len(l.workers) - 1
			l.workers[i] = l.workers[last]
			l.workers[last] = nil
			l.workers = l.workers[:last]
			return
		}
	}
}
