// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

// computing is a handler that is told what to do with what comes.
type computing struct {
	conn   *Conn
	handle func(*Conn)
	ended  chan struct{}
}

func (h *computing) Received([]byte) {}
func (h *computing) Handle() Progress {
	h.handle(h.conn)
	return Done
}
func (h *computing) HandOn(bool) bool { return false }
func (h *computing) Writable()        {}
func (h *computing) Ended(error) {
	h.conn.Close()
	close(h.ended)
}
func (h *computing) Panicked(any) { h.conn.Close() }

// Nobody looks how long handlers take here, so others are served only because the handler has said
// that it takes long.
func TestOthersAreServedAtOnceWhileAHandlerSaysThatItTakesLong(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := New(nil)
	p.loops = p.loops[:1]
	l := &p.loops[0]
	l.mu.Lock()
	l.ticking = true
	l.mu.Unlock()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open := func(handle func(*Conn)) (client net.Conn, h *computing) {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := p.Take(server, nil)
		if err != nil {
			t.Fatal(err)
		}
		h = &computing{conn: conn, handle: handle, ended: make(chan struct{})}
		if err := conn.Start(h); err != nil {
			t.Fatal(err)
		}
		return client, h
	}
	entered, leave, served := make(chan struct{}), make(chan struct{}), make(chan struct{})
	first, long := open(func(c *Conn) {
		c.Long()
		close(entered)
		<-leave
	})
	second, other := open(func(*Conn) { close(served) })
	write := func(c net.Conn) {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
	}
	write(first)
	<-entered
	write(second)
	<-served
	second.Close()
	<-other.ended
	close(leave)
	first.Close()
	<-long.ended
}
