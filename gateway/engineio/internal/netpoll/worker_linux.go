// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"slices"
	"sync"
)

const (
	// eventsAtOnce is how many connections are reported by one system call.
	eventsAtOnce = 128
	// tasksAtOnce is how many tasks are done between two looks for connections.
	tasksAtOnce = 64
	// turnsAtOnce is how often connections go on between two looks for others.
	turnsAtOnce = 16
	// bufferSize is how much is read by one system call.
	bufferSize = 64 << 10
)

// worker is one of a loop's. There may be one for each handler that waits, so it holds little; what
// it takes to read or to do tasks is borrowed.
type worker struct {
	// serving is the connection that it serves, nil for none, since is when it began to, and next when it is looked whether the
	// connection can be handed on. loose: it has been. The loop's lock guards them.
	serving     *Conn
	since, next uint64
	loose       bool
}

var (
	buffers    = sync.Pool{New: func() any { return new([bufferSize]byte) }}
	taskArrays = sync.Pool{New: func() any { return new([tasksAtOnce]Task) }}
)

// hire begins another worker. The lock is held.
func (l *loop) hire() {
	w := &worker{}
	l.workers = append(l.workers, w)
	go l.work(w)
}

// size is how many workers there are.
func (l *loop) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.workers) + l.loose
}

// work serves connections and does tasks as long as there is something to do.
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

// next is the connection to be served; nil if the worker is to go.
func (l *loop) next(w *worker) (*Conn, events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again >= turnsAtOnce && !l.polling && l.count > 0 {
		l.poll(false) // lest those that go on and on keep all others from being seen
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
	w.serving, w.since, w.next = c, l.clock, l.clock+1
	l.tick()
	return c, happened
}

// done puts a connection back with which something is left to do, or to which something has happened meanwhile, behind the
// others.
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

// leave is the end of a worker whose connection was handed on.
func (l *loop) leave(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.loose {
		l.loose--
		return
	}
	l.dismiss(w) // handOn comes to it in a moment
}

// doTasks does some of the tasks. The lock is held, but not meanwhile.
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

// poll schedules what epoll has to report; it can wait for something. The lock is held, but not meanwhile.
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
