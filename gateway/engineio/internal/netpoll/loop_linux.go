// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// loop makes workers serve its connections, and then do its tasks. One worker is enough while
// handlers do not wait. If they wait or take long, other workers join it, and leave when there is
// nothing to do for them. A worker with nothing to do waits for epoll, unless another one does; it
// waits by means of Go's own poller, so that no thread is blocked.
//
// In its turn, a connection has one buffer read, of which the handler handles as much as it likes
// at once. Then other connections have their turn.
//
// Connections come before tasks: what they receive makes tasks, several of which become one.
// Between batches of tasks the worker looks for connections.
//
// Connections are registered once, edge-triggered: a connection that waits for room, or is slow,
// costs no system call.
type loop struct {
	// onPanic is the parameter of New.
	onPanic func(value any)
	// observe is the parameter of Poller.Observe.
	observe func(time.Duration)

	mu sync.Mutex // guards the following fields
	// epoll is nil while there are no connections.
	epoll *epoll
	// conns are the connections by the file descriptor of their sockets.
	conns []*Conn
	count int
	// waiting are the connections that wait to be served, in order.
	waiting fifo[*Conn]
	tasks   fifo[Task]
	// taken counts the tasks that workers have taken. batches are the counts at which the batches
	// in progress began, in order. marks wait for the tasks before them.
	taken   uint64
	batches []uint64
	marks   fifo[placedMark]
	// served counts the connections that were served since the last tasks.
	served int
	// again counts those of them that continue, since the last look for other connections.
	again int
	// heldBy is the number of the hold that keeps tasks back, 0 if there is none, and heldSince the
	// time at which it began; holds is the number of the last hold.
	heldBy, heldSince, holds uint64
	// workers are all workers except loose ones, whose connections were handed on.
	workers []*worker
	loose   int
	// polling: a worker waits for epoll, or looks there. awoken: it has been told that there is
	// something else to do, or knows that.
	polling, awoken bool
	// clock counts the looks of the patience timer, which runs while connections are served.
	clock   uint64
	ticking bool
	ticker  *time.Timer
}

// add starts reading a connection.
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

// forget removes a connection that is about to be closed, which removes it from epoll.
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

// closeIfUnused ends the waiting worker if there is nothing to wait for.
func (l *loop) closeIfUnused() {
	if l.count > 0 || l.epoll == nil {
		return
	}
	go l.epoll.close() // closing waits for a worker that uses it, which waits for the lock
	l.epoll = nil
}

// happen schedules a connection for an event. The lock is held.
func (l *loop) happen(c *Conn, what events) {
	c.events |= what
	if c.scheduled || c.handler == nil {
		return // the worker that serves it handles the event
	}
	c.scheduled, c.since = true, l.clock
	l.waiting.push(c)
	l.attend()
}

// schedule schedules the connections that epoll reports. The lock is held.
func (l *loop) schedule(reported []unix.EpollEvent) {
	for _, e := range reported {
		// If a connection was closed since, and its file descriptor reused, the new connection has
		// one needless read.
		if fd := int(e.Fd); fd < len(l.conns) && l.conns[fd] != nil {
			l.happen(l.conns[fd], eventsOf(e.Events))
		}
	}
}

// soon schedules a task.
func (l *loop) soon(t Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks.push(t)
	l.sample()
	if l.tasks.len() == 1 {
		l.attendTasks()
	}
}

// attend makes sure that a worker takes waiting connections and tasks. The lock is held.
func (l *loop) attend() {
	switch {
	case len(l.workers) == 0:
		l.hire()
	case !l.polling || l.awoken: // a present worker takes it
		l.tick() // or look notices that none does
	case l.epoll != nil: // nil if it has just been closed, which ends the waiting
		l.awoken = true
		l.epoll.awake()
	}
}
