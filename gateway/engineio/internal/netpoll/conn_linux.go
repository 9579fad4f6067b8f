// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a connection that a Poller reads. Its methods may be called from any goroutine.
type Conn struct {
	loop *loop
	// handler is set while the loop has the connection. The worker that serves the connection uses
	// it, too.
	handler Handler
	// early are bytes that were read before Take. Serving the connection reads and clears it.
	early []byte
	// ending: the client sends no more, which epoll reports once. Only serving uses it.
	ending bool

	mu      sync.Mutex // guards the following fields; taken before the loop's lock
	fd      int        // -1 once it is closed
	blocked bool       // a Write could not write all

	// The loop's lock guards the following fields.

	// events are the events since the connection was last served, serving those for which it is
	// being served.
	events, serving events
	// scheduled: the connection waits to be served, since that time of the loop's clock, or is
	// being served.
	scheduled bool
	since     uint64
	deadline  *time.Timer
}

// events is a set of events of a connection.
type events uint8

const (
	readable events = 1 << iota
	writable
	// hungUp: the client sends no more. Earlier data may still be unread.
	hungUp
	// expired: the deadline has passed.
	expired
	// unhandled: the handler has more received data to handle.
	unhandled
	// handedOn is not an event: another worker serves the connection.
	handedOn
)

// take returns the socket of a connection, and closes the connection without closing the socket.
func take(conn net.Conn) (fd int, err error) {
	if c, ok := conn.(interface{ Plain() net.Conn }); ok { // one that began with a PROXY header
		conn = c.Plain()
	}
	tcp, ok := conn.(*net.TCPConn) // not a type that merely embeds one
	if !ok {
		return -1, errors.ErrUnsupported
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("take a socket: %w", err)
	}
	fd = -1
	var dupErr error
	err = raw.Control(func(original uintptr) {
		fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return -1, fmt.Errorf("take a socket: %w", err)
	}
	// Any earlier deadline was a property of the connection, not of the socket.
	if err := tcp.Close(); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("take a socket: %w", err)
	}
	return fd, nil
}

// Write writes as much as the socket has room for, without blocking. If that is not everything, it
// returns io.ErrShortWrite, and the handler's Writable will be called.
func (c *Conn) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0, net.ErrClosed
	}
	written := 0
	for written < len(data) {
		n, err := syscall.Write(c.fd, data[written:])
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			c.blocked = true
			return written, io.ErrShortWrite
		case err != nil:
			return written, os.NewSyscallError("write", err)
		default:
			written += n
		}
	}
	return written, nil
}

// SetDeadline sets the time at which the handler's Ended is called, at once if it has passed. The
// zero time means never. The error is always nil.
func (c *Conn) SetDeadline(t time.Time) error {
	l := c.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
		c.deadline = nil
	}
	c.events &^= expired // of the earlier deadline
	c.serving &^= expired
	if t.IsZero() {
		return nil
	}
	wait := time.Until(t)
	if wait <= 0 {
		l.happen(c, expired)
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.deadline == timer { // which is set before the lock is free
			l.happen(c, expired)
		}
	})
	c.deadline = timer
	return nil
}

// Close closes the connection. While the poller has it, only the handler may do that. The error is
// always nil.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	c.loop.forget(c, fd) // before another connection can get the same number
	_ = unix.Close(fd)
	return nil
}

// serve calls the handler for the events. It returns the events that remain for another turn, or
// handedOn, after which the caller must not use the connection.
func (c *Conn) serve(happened events) (left events) {
	if len(c.early) > 0 {
		early := c.early
		c.early = nil
		c.handler.Received(early)
		if left = c.handle(); left == handedOn {
			return handedOn
		}
	}
	if happened&writable != 0 && c.unblock() {
		c.handler.Writable()
	}
	c.ending = c.ending || happened&hungUp != 0
	if happened&unhandled != 0 {
		more := c.handle()
		if more == handedOn {
			return handedOn
		}
		left |= more
	}
	switch reading := happened & (readable | hungUp); {
	case reading == 0:
	case left == 0:
		if left = c.read(); left == handedOn {
			return handedOn
		}
	default:
		left |= reading
	}
	if happened&expired != 0 && c.fd >= 0 {
		c.handler.Ended(os.ErrDeadlineExceeded)
	}
	if c.fd < 0 {
		return 0
	}
	return left
}

// unblock reports whether a Write waits for room.
func (c *Conn) unblock() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	blocked := c.blocked && c.fd >= 0
	c.blocked = false
	return blocked
}

// handle makes the handler handle received data, unless it has closed the connection. It returns
// the remaining events.
func (c *Conn) handle() (left events) {
	if c.fd < 0 {
		return 0
	}
	switch c.handler.Handle() {
	case More:
		return unhandled
	case HandedOn:
		return handedOn
	default:
		return 0
	}
}

// HandOn lets another worker serve the connection, if its handler lets it go. It is for a call of
// Handle that is about to wait, which is otherwise noticed some milliseconds later.
func (c *Conn) HandOn() {
	c.loop.mu.Lock()
	h := c.handler
	c.loop.mu.Unlock()
	if h != nil {
		c.loop.handOn(c, h, true)
	}
}

// Long is called by a Handle that is about to use the processor for milliseconds, and that keeps
// the connection: other workers serve the other connections at once. Without it, they do so only
// some milliseconds later.
func (c *Conn) Long() { c.loop.long(c) }

// read reads at most one buffer, after which other connections have their turn. If the buffer is
// not full, all available data was read, but it is unknown whether that was the end, unless epoll
// has reported it. It returns the remaining events.
func (c *Conn) read() (left events) {
	for c.fd >= 0 {
		n, err := c.receive()
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0
		case err != nil:
			c.handler.Ended(os.NewSyscallError("read", err))
			return 0
		case n == 0:
			c.handler.Ended(io.EOF)
			return 0
		default:
			if left = c.handle(); left == handedOn {
				return handedOn
			}
			if n == bufferSize || c.ending && left != 0 {
				return left | readable
			}
			if !c.ending {
				return left
			}
		}
	}
	return 0
}

// receive reads once and passes the bytes to the handler. No buffer is held when it returns.
func (c *Conn) receive() (int, error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	n, err := syscall.Read(c.fd, buffer[:]) // of this package, since the race detector knows what it means
	if n > 0 {
		c.handler.Received(buffer[:n])
	}
	return n, err
}
