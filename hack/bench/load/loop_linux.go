// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBuffer = 256 << 10 // bytes; shared by all connections
	eventBatch = 512
)

// loop is all clients in one thread: no goroutine, no timer and no buffer of their own. It is used
// by one goroutine.
type loop struct {
	epoll   int
	dialect *dialect
	conns   []*conn
	dense   []*conn // by file descriptor
	events  [eventBatch]unix.EpollEvent
	buffer  []byte
	began   time.Time
	ready   int
	secure  bool // over TLS
	tokens  []string
	// inflater is nil if nothing is to come compressed.
	inflater *inflater
	// onMessage and onAnswer get what a suite waits for.
	onMessage, onAnswer func(c *conn, packet []byte) error
}

func newLoop(o *options) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	ignore := func(*conn, []byte) error { return nil }
	l := &loop{
		epoll: fd, dialect: o.dialect, secure: o.tls, tokens: o.tokens, buffer: make([]byte, readBuffer), began: time.Now(), onMessage: ignore, onAnswer: ignore,
	}
	if o.deflate {
		l.inflater = newInflater()
	}
	return l, nil
}

// now is in ns since the loop was made.
func (l *loop) now() int64 { return int64(time.Since(l.began)) }

// connect opens so many connections, to the addresses in turn and at most so many at once, and
// waits until all are ready.
func (l *loop) connect(addrs []netip.AddrPort, count, atOnce int, slow func(i int) bool, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for first := len(l.conns); l.ready < first+count; {
		for len(l.conns) < first+count && len(l.conns)-l.ready < atOnce {
			i := len(l.conns)
			c, err := dial(addrs[i%len(addrs)], slow(i))
			if err != nil {
				return err
			}
			c.index, c.inflater = i, l.inflater
			if err := l.add(c); err != nil {
				return err
			}
		}
		if err := l.step(100 * time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d clients are connected after %v", l.ready, count, patience)
		}
	}
	return nil
}

func (l *loop) add(c *conn) error {
	l.conns = append(l.conns, c)
	for len(l.dense) <= c.fd {
		l.dense = append(l.dense, nil)
	}
	l.dense[c.fd] = c
	return l.watch(unix.EPOLL_CTL_ADD, c, unix.EPOLLIN|unix.EPOLLOUT)
}

func (l *loop) watch(operation int, c *conn, events uint32) error {
	if err := unix.EpollCtl(l.epoll, operation, c.fd, &unix.EpollEvent{Events: events, Fd: int32(c.fd)}); err != nil {
		return fmt.Errorf("watch client %d: %w", c.index, err)
	}
	return nil
}

// stopReading leaves what comes to a client in the kernel.
func (l *loop) stopReading(c *conn) error { return l.watch(unix.EPOLL_CTL_DEL, c, 0) }

// step handles what has come, and waits for it at most so long.
func (l *loop) step(wait time.Duration) error {
	n, err := unix.EpollWait(l.epoll, l.events[:], int(max(wait, 0)/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for events: %w", err)
	}
	for _, e := range l.events[:max(n, 0)] {
		c := l.dense[e.Fd]
		if e.Events&unix.EPOLLOUT != 0 {
			if err := l.writable(c); err != nil {
				return err
			}
		}
		if e.Events&^unix.EPOLLOUT != 0 {
			if err := c.read(l.buffer, l.dialect, l.packet); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loop) writable(c *conn) error {
	if c.stage == stageDialing {
		if err := c.connected(); err != nil {
			return err
		}
		if l.secure {
			if err := c.secure(); err != nil {
				return err
			}
		}
		if err := c.upgrade(l.dialect.path); err != nil {
			return err
		}
		return l.watch(unix.EPOLL_CTL_MOD, c, unix.EPOLLIN)
	}
	return c.flush()
}

// send sends a packet, or the rest of it once the socket takes it.
func (l *loop) send(c *conn, packet []byte) error {
	if err := c.send(packet); err != nil {
		return err
	}
	if len(c.waiting) > 0 {
		return fmt.Errorf("the server does not read what client %d sends", c.index)
	}
	return nil
}

func (l *loop) packet(c *conn, p []byte) error {
	switch l.dialect.classify(p) {
	case kindMessage:
		return l.onMessage(c, p)
	case kindAnswer:
		return l.onAnswer(c, p)
	case kindPing:
		return c.send([]byte(l.dialect.pong))
	case kindOpen:
		return c.send(l.hello(c))
	case kindReady:
		c.stage = stageReady
		l.ready++
	case kindRefused:
		return fmt.Errorf("client %d is refused: %s", c.index, p)
	}
	return nil
}

// hello is what a client says to get in.
func (l *loop) hello(c *conn) []byte {
	if len(l.tokens) == 0 {
		return []byte(l.dialect.connect)
	}
	return fmt.Appendf(nil, `%s{"token":"%s"}`, l.dialect.connect, l.tokens[c.index%len(l.tokens)])
}

// until steps until a condition holds.
func (l *loop) until(what string, patience time.Duration, holds func() bool) error {
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v", what, patience)
		}
		if err := l.step(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) close() {
	for _, c := range l.conns {
		unix.Close(c.fd)
	}
	unix.Close(l.epoll)
}
