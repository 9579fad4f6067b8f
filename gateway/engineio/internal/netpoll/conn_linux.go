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
	// handler is set while the loop has the connection. The worker that serves it reads it, too.
	handler Handler
	// early are bytes that were read before the poller had the connection. Serving reads and clears it.
	early []byte
	// ending: the client sends no more, which epoll says once. Only serving uses it.
	ending bool

	mu      sync.Mutex // guards what follows; taken before the loop's lock
	fd      int        // -1 once it is closed
	blocked bool       // a Write could not write all

	// The loop's lock guards what follows.

	// events are what has happened since the connection was served last, serving those for which it is
	// served now.
	events, serving events
	// scheduled: the connection waits to be served, since then by the loop's clock, or is being served.
	scheduled bool
	since     uint64
	deadline  *time.Timer
}

// events is a set of what can happen to a connection.
type events uint8

const (
	readable events = 1 << iota
	writable
	// hungUp: the client sends no more. What it has sent before may still be unread.
	hungUp
	// expired: the deadline has come.
	expired
	// unhandled: the handler has more to do with what was received.
	unhandled
	// handedOn is no event: others serve the connection.
	handedOn
)

// take makes the socket of a connection ours alone. The connection is closed by that, its socket is not.
func take(conn net.Conn) (fd int, err error) {
	tcp, ok := conn.(*net.TCPConn) // not what merely embeds one
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
	// Whatever deadline there was is of the connection, not of the socket.
	if err := tcp.Close(); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("take a socket: %w", err)
	}
	return fd, nil
}

// Write writes as much as the socket has room for, without waiting. If that is not all, the error is io.ErrShortWrite, and the
// handler's Writable will be called.
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

// SetDeadline has the handler's Ended called at that time, at once if it has passed. The zero time means never. Its error is always nil.
func (c *Conn) SetDeadline(t time.Time) error {
	l := c.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
		c.deadline = nil
	}
	c.events &^= expired // of the deadline before
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

// Close closes the connection. While the poller has it, that is for the handler alone to do. Its error is always nil.
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

// serve calls the handler for what has happened. It tells what is left for another turn, or handedOn: whoever calls it has no use
// for the connection then.
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

// unblock tells whether a Write waits for room.
func (c *Conn) unblock() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	blocked := c.blocked && c.fd >= 0
	c.blocked = false
	return blocked
}

// handle has the handler do what bytes have brought about, unless it has closed the connection. It tells what is left.
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

// HandOn has others serve the connection, if its handler lets go of it. It is for a call of Handle that is about to wait; without it
// that is found out some milliseconds later.
func (c *Conn) HandOn() {
	c.loop.mu.Lock()
	h := c.handler
	c.loop.mu.Unlock()
	if h != nil {
		c.loop.handOn(c, h, true)
	}
}

// read reads what is there, up to a buffer; others have their turn then. Whoever has not filled the buffer has read all there is,
// but cannot know whether that was the end, unless epoll says so. It tells what is left.
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

// receive reads once, and has the handler take the bytes. No buffer is held when it returns.
func (c *Conn) receive() (int, error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	n, err := syscall.Read(c.fd, buffer[:]) // of this package, since the race detector knows what it means
	if n > 0 {
		c.handler.Received(buffer[:n])
	}
	return n, err
}
