// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// Poller reads connections. It need not be closed: without connections it has no goroutine and no
// file descriptor.
type Poller struct {
	loops []loop
	next  atomic.Uint32
}

// New makes a Poller. It has a loop for every two processors: one thread that reads and then writes
// does less work than two that take turns. onPanic, if not nil, is called with the value of a panic
// of a task, or of Handler.Panicked itself.
func New(onPanic func(value any)) *Poller {
	if onPanic == nil {
		onPanic = func(any) {}
	}
	p := &Poller{loops: make([]loop, max(1, runtime.GOMAXPROCS(0)/2))}
	for i := range p.loops {
		p.loops[i].onPanic = onPanic
	}
	return p
}

// Observe has f called, for one task in 64, with the time from when it is added until it and those
// before it are done. It is called under a lock, so it must be quick. Observe must be called before
// a task is added; with nil, nothing is measured.
func (p *Poller) Observe(f func(time.Duration)) {
	for i := range p.loops {
		p.loops[i].observe = f
	}
}

// Take takes ownership of a TCP connection, and of the bytes that have been read from it. It
// returns errors.ErrUnsupported for other connections, which it does not change; after any other
// error the connection is closed.
func (p *Poller) Take(conn net.Conn, early []byte) (*Conn, error) {
	fd, err := take(conn)
	if err != nil {
		return nil, err
	}
	return &Conn{loop: p.nextLoop(), fd: fd, early: early}, nil
}

func (p *Poller) nextLoop() *loop { return &p.loops[int(p.next.Add(1))%len(p.loops)] }

// Workers returns the number of goroutines that read connections and run tasks, including those
// whose handlers wait.
func (p *Poller) Workers() int {
	n := 0
	for i := range p.loops {
		n += p.loops[i].size()
	}
	return n
}

// Queue queues tasks for workers of a Poller.
type Queue struct{ loop *loop }

// Queue returns one of the queues, each in turn.
func (p *Poller) Queue() Queue { return Queue{p.nextLoop()} }

// Queue returns the queue of the workers that serve the connection.
func (c *Conn) Queue() Queue { return Queue{c.loop} }

// Add schedules a task.
func (q Queue) Add(t Task) { q.loop.soon(t) }

// Start starts reading a connection for a handler. If it returns an error, the connection is
// closed.
func (c *Conn) Start(h Handler) error {
	if err := c.loop.add(c, h); err != nil {
		_ = c.Close() // others may be writing to it
		return err
	}
	return nil
}
