// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrCut is what a client gets for a connection that was cut, or is not let through.
var ErrCut = errors.New("the line is cut")

// Line is a client's way to the network: all its connections, which can be cut. Safe for concurrent
// use.
type Line struct {
	mu    sync.Mutex
	isCut bool
	conns map[*lineConn]struct{}
	// halfOpen are connections that the client has lost and the server has not.
	halfOpen []net.Conn
	// frayed is after how many bytes the next connections break.
	frayed []int
}

// NewLine returns a line that is not cut.
func NewLine() *Line { return &Line{conns: map[*lineConn]struct{}{}} }

// Dial connects, unless the line is cut.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.cutNow() {
		return nil, ErrCut
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		conn.Close()
		return nil, ErrCut
	}
	c := &lineConn{Conn: conn, line: l}
	if len(l.frayed) > 0 {
		c.frays, c.left = true, l.frayed[0]
		l.frayed = l.frayed[1:]
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// Fray has each of the next connections break once the client has read so many bytes of it.
func (l *Line) Fray(bytes []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frayed = bytes
}

func (l *Line) cutNow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isCut
}

// Cut ends all connections and lets no new one through until Mend. If it is silent, the server is
// not told: to it the connections are there, and what it writes is lost.
func (l *Line) Cut(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for c := range l.conns {
		delete(l.conns, c)
		if !silent {
			c.Conn.Close()
			continue
		}
		c.lost.Store(true)
		l.halfOpen = append(l.halfOpen, c.Conn)
		// The client's own reads and writes end now.
		c.Conn.SetDeadline(time.Unix(1, 0))
	}
}

// Mend lets connections through again. The kernel answers for those that the client has forgotten
// with a reset, as it does when a network comes back.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
	for _, c := range l.halfOpen {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		c.Close()
	}
	l.halfOpen = nil
}

// lineConn is one connection of a line.
type lineConn struct {
	net.Conn
	line *Line
	lost atomic.Bool
	// frays: the connection breaks once left bytes have been read. Of the one that reads.
	frays bool
	left  int
}

// SetDeadline and its like do not bring a lost connection back.
func (c *lineConn) SetDeadline(t time.Time) error {
	if c.lost.Load() {
		return ErrCut
	}
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is like SetDeadline.
func (c *lineConn) SetReadDeadline(t time.Time) error {
	if c.lost.Load() {
		return ErrCut
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is like SetDeadline.
func (c *lineConn) SetWriteDeadline(t time.Time) error {
	if c.lost.Load() {
		return ErrCut
	}
	return c.Conn.SetWriteDeadline(t)
}

// Write to a lost connection goes nowhere.
func (c *lineConn) Write(b []byte) (int, error) {
	if c.lost.Load() {
		return 0, ErrCut
	}
	return c.Conn.Write(b)
}

// Read from a lost connection fails.
func (c *lineConn) Read(b []byte) (int, error) {
	if c.lost.Load() {
		return 0, ErrCut
	}
	if !c.frays {
		return c.Conn.Read(b)
	}
	if c.left == 0 {
		c.Close()
		return 0, ErrCut
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// Close leaves a lost connection to mend.
func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	if c.lost.Load() {
		return nil
	}
	return c.Conn.Close()
}
