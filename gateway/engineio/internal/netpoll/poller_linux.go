// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"runtime"
	"sync/atomic"
)

// Poller reads connections. It needs no end: without connections it has no goroutine and no file.
type Poller struct {
	loops []loop
	next  atomic.Uint32
}

// New makes a Poller. It has a loop for each two processors: what one thread reads and then writes is less work than what two do in turn.
// onPanic is told, while that is stopped, if a task panics, or Handler.Panicked itself; nil for nobody.
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

// Take takes a TCP connection over, which the caller has no use for any more, and the bytes that have been read from it. It fails
// with errors.ErrUnsupported for another connection, which stays as it was; after another error the connection is closed.
func (p *Poller) Take(conn net.Conn, early []byte) (*Conn, error) {
	fd, err := take(conn)
	if err != nil {
		return nil, err
	}
	return &Conn{loop: p.nextLoop(), fd: fd, early: early}, nil
}

func (p *Poller) nextLoop() *loop { return &p.loops[int(p.next.Add(1))%len(p.loops)] }

// Workers is how many goroutines read connections and do tasks, those whose handlers wait included.
func (p *Poller) Workers() int {
	n := 0
	for i := range p.loops {
		n += p.loops[i].size()
	}
	return n
}

// Queue is where tasks wait for workers of a Poller.
type Queue struct{ loop *loop }

// Queue is one of those that there are, each in its turn.
func (p *Poller) Queue() Queue { return Queue{p.nextLoop()} }

// Queue is where tasks wait for the workers that serve the connection.
func (c *Conn) Queue() Queue { return Queue{c.loop} }

// Add has a task done soon.
func (q Queue) Add(t Task) { q.loop.soon(t) }

// Start begins to read a connection for a handler. If that fails the connection is closed.
func (c *Conn) Start(h Handler) error {
	if err := c.loop.add(c, h); err != nil {
		_ = c.Close() // others may be writing to it
		return err
	}
	return nil
}
