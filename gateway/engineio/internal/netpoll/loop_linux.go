// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// eventsAtOnce is how many connections are reported by one system call.
	eventsAtOnce = 128
	// bufferSize is how much is read by one system call. A worker has one such buffer.
	bufferSize = 64 << 10
	// patience is how long a handler may keep others waiting before they get another worker.
	patience = 2 * time.Millisecond
)

// loop has workers serve its connections. One worker is enough while handlers do not wait; where they do, others join it, and leave
// when there is nothing for them to do. Whoever finds nothing to do waits for epoll, if nobody else does; by means of Go's own
// poller, so that no thread is blocked.
//
// Connections are registered edge-triggered, once and for all: no system call is needed for one that waits for room, or is slow.
type loop struct {
	mu sync.Mutex // guards what follows
	// epoll is nil while there are no connections.
	epoll *epoll
	// conns are by number of their sockets.
	conns []*Conn
	count int
	// queue are the connections that wait to be served, from head on.
	queue []*Conn
	head  int
	// workers are all that there are.
	workers []*worker
	// polling: one of them waits for epoll.
	polling bool
	// clock counts the looks of patience's timer, which runs while connections are served.
	clock   uint64
	ticking bool
	ticker  *time.Timer
}

type worker struct {
	// serving is the connection that it serves, since is when it began to. The loop's lock guards both.
	serving *Conn
	since   uint64

	reported [eventsAtOnce]unix.EpollEvent
}

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// add begins to read a connection.
func (l *loop) add(c *Conn, h Handler) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return err
	}
	for len(l.conns) <= c.fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[c.fd] = c
	l.count++
	if err := l.epoll.add(c.fd); err != nil {
		l.conns[c.fd] = nil
		l.count--
		l.closeIfUnused()
		return err
	}
	c.handler = h
	if c.events != 0 || len(c.early) > 0 {
		l.happen(c, 0)
	}
	if len(l.workers) == 0 {
		l.hire()
	}
	return nil
}

func (l *loop) open() error {
	if l.epoll != nil {
		return nil
	}
	var err error
	l.epoll, err = openEpoll()
	return err
}

// forget takes a connection out that is about to be closed, by which epoll forgets it too.
func (l *loop) forget(c *Conn, fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
		c.deadline = nil
	}
	if fd >= len(l.conns) || l.conns[fd] != c {
		return // it was never added
	}
	l.conns[fd] = nil
	l.count--
	c.handler = nil
	l.closeIfUnused()
}

// closeIfUnused ends the worker that waits, if there is nothing to wait for.
func (l *loop) closeIfUnused() {
	if l.count > 0 || l.epoll == nil {
		return
	}
	go l.epoll.close() // which waits for a worker that uses it, and that for us
	l.epoll = nil
}

// happen schedules a connection. The lock is held.
func (l *loop) happen(c *Conn, what events) {
	c.events |= what
	if c.scheduled || c.handler == nil {
		return
	}
	c.scheduled = true
	l.queue = append(l.queue, c)
	switch {
	case !l.polling: // who polls comes to it, or looks for whoever does
	case len(l.workers) == 1:
		l.hire() // the other one waits for epoll, which knows nothing of this
	default:
		l.tick() // for the others may be stuck
	}
}

// hire begins another worker. The lock is held.
func (l *loop) hire() {
	w := &worker{}
	l.workers = append(l.workers, w)
	go l.work(w)
}

// work serves connections as long as there is something to do.
func (l *loop) work(w *worker) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	for {
		c, happened := l.next(w)
		if c == nil {
			return
		}
		more := c.serve(happened, buffer[:])
		l.served(w, c, more)
	}
}

// next is the connection to be served; nil if the worker is to go.
func (l *loop) next(w *worker) (*Conn, events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.waiting() == 0 {
		if l.polling || l.count == 0 {
			l.dismiss(w)
			return nil, 0
		}
		l.poll(w)
	}
	c := l.queue[l.head]
	l.queue[l.head] = nil
	l.head++
	if l.waiting() == 0 {
		l.queue, l.head = l.queue[:0], 0
	}
	happened := c.events
	c.events = 0
	w.serving, w.since = c, l.clock
	l.tick()
	return c, happened
}

// waiting is the number of connections that wait to be served. The lock is held.
func (l *loop) waiting() int { return len(l.queue) - l.head }

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

// served puts a connection back to which something has happened meanwhile, behind the others.
func (l *loop) served(w *worker, c *Conn, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.serving = nil
	c.scheduled = false
	if more {
		c.events |= readable
	}
	if c.events != 0 {
		l.happen(c, 0)
	}
}

// poll waits until epoll reports something, and schedules it. The lock is held, but not while it waits.
func (l *loop) poll(w *worker) {
	l.polling = true
	epoll := l.epoll
	l.mu.Unlock()
	n := epoll.wait(w.reported[:])
	l.mu.Lock()
	l.polling = false
	for _, e := range w.reported[:n] {
		// Whoever has closed since, and whose number another has, costs that one a read in vain.
		if fd := int(e.Fd); fd < len(l.conns) && l.conns[fd] != nil {
			l.happen(l.conns[fd], eventsOf(e.Events))
		}
	}
}

// tick sees to it that somebody looks for handlers that keep others waiting. The lock is held.
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

// look hires workers if all there are have been busy with one connection each for longer than patience.
func (l *loop) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	l.ticking = false
	if l.waiting() == 0 && (l.polling || l.count == 0) {
		return // nobody waits, however long some handlers take
	}
	l.tick()
	stuck := l.stuck()
	free := len(l.workers) - stuck
	if l.polling {
		free--
	}
	if free > 0 {
		return
	}
	// Twice as many each time, so that handlers that wait for a database soon all wait at once; but no more than there is to do,
	// and one to wait for epoll.
	for range min(max(stuck, 1), l.waiting()+1) {
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
