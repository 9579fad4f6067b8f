// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// pipe is one side of a connection within the process.
type pipe struct {
	net.Conn
	remote net.Addr
	// silent is set when the network between the two sides is gone: what is written is lost, and
	// nothing arrives, without either side being told.
	silent atomic.Bool
}

func (p *pipe) RemoteAddr() net.Addr { return p.remote }

func (p *pipe) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if err != nil || !p.silent.Load() {
			return n, err
		}
	}
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.silent.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// network is what connects to one side of pipes. Safe for concurrent use.
type network struct {
	mu    sync.Mutex
	down  bool // guarded by mu
	pipes []*pipe
}

var errDown = errors.New("the network is down")

// connect keeps a new pipe.
func (n *network) connect(conn net.Conn, remote net.Addr) (*pipe, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		conn.Close()
		return nil, errDown
	}
	p := &pipe{Conn: conn, remote: remote}
	n.pipes = append(n.pipes, p)
	return p, nil
}

// cut silences all pipes, and admits no new ones.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = true
	for _, p := range n.pipes {
		p.silent.Store(true)
	}
}

// restore admits new pipes. Those that were cut have lost data, and are closed.
func (n *network) restore() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = false
	n.closePipes()
}

// end closes all pipes, and admits no new ones.
func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = true
	n.closePipes()
}

func (n *network) closePipes() {
	for _, p := range n.pipes {
		p.Close()
	}
	n.pipes = nil
}

// door is the listener of a gateway.
type door struct {
	arriving chan net.Conn
	closing  sync.Once
	closed   chan struct{}
}

func newDoor() *door { return &door{arriving: make(chan net.Conn), closed: make(chan struct{})} }

// enter hands a connection over.
func (d *door) enter(ctx context.Context, conn net.Conn) error {
	select {
	case d.arriving <- conn:
		return nil
	case <-d.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.arriving:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.closing.Do(func() { close(d.closed) })
	return nil
}

func (d *door) Addr() net.Addr { return here }

// here is the address of everything in the process.
var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
