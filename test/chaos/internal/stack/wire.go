// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// reusedAfter is the age from which a connection has carried requests before.
const reusedAfter = time.Second

// wire is a way to the broker, or to a gateway, which can be cut, and be slow. Close ends it and
// all that goes through.
type wire struct {
	listener net.Listener
	// delay is by how much what the gateway sends is late.
	delay atomic.Int64
	// resets is the share of answers, in percent, in place of which a reused connection is reset.
	resets atomic.Int64
	to     string
	done   sync.WaitGroup

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]struct{}
}

func newWire(at, to string) (*wire, error) {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for what goes to %s: %w", to, err)
	}
	w := &wire{listener: l, to: to, conns: map[net.Conn]struct{}{}}
	w.done.Go(w.accept)
	return w, nil
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.done.Go(func() { w.carry(near) })
	}
}

func (w *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.register(near, far) {
		return
	}
	defer w.forget(near, far)
	back := make(chan struct{})
	go func() {
		defer close(back)
		w.copyBack(near, far)
		near.Close()
		far.Close()
	}()
	w.copy(far, near)
	near.Close()
	far.Close()
	<-back
}

// copyBack carries what comes back.
func (w *wire) copyBack(near, far net.Conn) {
	opened := time.Now()
	buffer := make([]byte, 32<<10)
	for {
		n, err := far.Read(buffer)
		if n > 0 && rand.Int64N(100) < w.resets.Load() && time.Since(opened) > reusedAfter {
			reset(near)
			reset(far)
			return
		}
		if _, werr := near.Write(buffer[:n]); werr != nil || err != nil {
			return
		}
	}
}

// reset ends a connection as a machine does that knows nothing of it.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// copy carries what a gateway sends.
func (w *wire) copy(far, near net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := near.Read(buffer)
		time.Sleep(time.Duration(w.delay.Load()))
		if _, werr := far.Write(buffer[:n]); werr != nil || err != nil {
			return
		}
	}
}

func (w *wire) register(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.conns[c] = struct{}{}
	}
	return !w.isCut
}

func (w *wire) forget(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		delete(w.conns, c)
	}
}

// cut ends all connections, and each new one at once, until mend.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.conns {
		c.Close()
	}
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
}

func (w *wire) close() {
	w.listener.Close()
	w.cut()
	w.done.Wait()
}

// wires are a gateway's ways to the servers of the broker.
type wires []*wire

func (ws wires) addresses() (all []string) {
	for _, w := range ws {
		all = append(all, w.address())
	}
	return all
}

func (ws wires) cut() {
	for _, w := range ws {
		w.cut()
	}
}

func (ws wires) mend() {
	for _, w := range ws {
		w.mend()
	}
}

func (ws wires) slow(by time.Duration) {
	for _, w := range ws {
		w.delay.Store(int64(by))
	}
}

func (ws wires) close() {
	for _, w := range ws {
		w.close()
	}
}

// CutBroker ends the gateway's connections to the broker, and each new one at once, until
// MendBroker.
func (g *Gateway) CutBroker() { g.wires.cut() }

// MendBroker lets the gateway reach the broker again.
func (g *Gateway) MendBroker() { g.wires.mend() }

// ResetPeers resets reused connections of other gateways to this one, in place of so many percent
// of the answers. The stack has Peers.
func (g *Gateway) ResetPeers(percent int64) { g.door.resets.Store(percent) }
