// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Poller reads connections. It needs no end: without connections it has no goroutine and no file.
type Poller struct {
	loops []loop
	next  atomic.Uint32
}

// New makes a Poller.
func New() *Poller { return &Poller{loops: make([]loop, runtime.GOMAXPROCS(0))} }

// Take takes a TCP connection over, which the caller has no use for any more, and the bytes that have been read from it. It fails
// with errors.ErrUnsupported for another connection, which stays as it was; after another error the connection is closed.
func (p *Poller) Take(conn net.Conn, early []byte) (*Conn, error) {
	fd, err := take(conn)
	if err != nil {
		return nil, err
	}
	l := &p.loops[int(p.next.Add(1))%len(p.loops)]
	return &Conn{loop: l, fd: fd, early: early}, nil
}

// Start begins to read a connection for a handler. If that fails the connection is closed.
func (c *Conn) Start(h Handler) error {
	if err := c.loop.add(c, h); err != nil {
		_ = unix.Close(c.fd)
		c.fd = -1
		return err
	}
	return nil
}
