// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// loop has workers serve its connections, and then do its tasks. One worker is enough while handlers do not wait; where they do, or
// take their time, others join it, and leave when there is nothing for them to do. Whoever finds nothing to do waits for epoll, if nobody
// else does; by means of Go's own poller, so that no thread is blocked.
//
// A connection has its turn: a buffer is read, and as much of that handled as the handler likes at once. Then others come.
//
// Connections come before tasks: what they bring makes tasks, and several become one. Between some tasks and the next the worker looks
// for connections.
//
// Connections are registered edge-triggered, once and for all: no system call is needed for one that waits for room, or is slow.
type loop struct {
	// onPanic is New's.
	onPanic func(value any)

	mu sync.Mutex // guards what follows
	// epoll is nil while there are no connections.
	epoll *epoll
	// conns are by number of their sockets.
	conns []*Conn
	count int
	// waiting are the connections that wait to be served.
	waiting fifo[*Conn]
	tasks   fifo[Task]
	// taken counts the tasks that workers have taken; batches are the counts at which those began
	// that are being done, in order. marks wait for the tasks before them.
	taken   uint64
	batches []uint64
	marks   fifo[placedMark]
	// served counts the connections that were served since tasks have been done.
	served int
	// again counts those of them that go on, since the last look for others.
	again int
	// heldBy is the number of what holds tasks back, 0 if nothing does, and heldSince when it began to; holds is the last such number.
	heldBy, heldSince, holds uint64
	// workers are all that there are, but for the loose ones, whose connections were handed on.
	workers []*worker
	loose   int
	// polling: one of them waits for epoll, or looks there. awoken: it has been told that there is something else to do, or knows it.
	polling, awoken bool
	// clock counts the looks of patience's timer, which runs while connections are served.
	clock   uint64
	ticking bool
	ticker  *time.Timer
}

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
		return // whoever serves it comes to it
	}
	c.scheduled, c.since = true, l.clock
	l.waiting.push(c)
	l.attend()
}

// schedule is told what epoll reports. The lock is held.
func (l *loop) schedule(reported []unix.EpollEvent) {
	for _, e := range reported {
		// Whoever has closed since, and whose number another has, costs that one a read in vain.
		if fd := int(e.Fd); fd < len(l.conns) && l.conns[fd] != nil {
			l.happen(l.conns[fd], eventsOf(e.Events))
		}
	}
}

// soon has a task done.
func (l *loop) soon(t Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks.push(t)
	if l.tasks.len() == 1 {
		l.attendTasks()
	}
}

// attend sees to it that somebody comes to what waits. The lock is held.
func (l *loop) attend() {
	switch {
	case len(l.workers) == 0:
		l.hire()
	case !l.polling || l.awoken: // who is there comes to it
		l.tick() // or look finds out that nobody does
	case l.epoll != nil: // it is nil when it has just been closed, by which the waiting ends
		l.awoken = true
		l.epoll.awake()
	}
}
