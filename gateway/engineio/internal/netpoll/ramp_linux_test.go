// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"net"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// waiter is a handler that waits, and lets others have its connection meanwhile.
type waiter struct {
	conn    *Conn
	entered *sync.WaitGroup
	leave   chan struct{}

	mu     sync.Mutex
	waits  bool
	let    bool
	served bool
}

func (h *waiter) Received([]byte) {}

func (h *waiter) Handle() Progress {
	h.mu.Lock()
	first := !h.served
	h.served, h.waits = true, first
	h.mu.Unlock()
	if !first {
		return Done
	}
	h.entered.Done()
	<-h.leave
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waits = false
	if h.let {
		return HandedOn
	}
	return Done
}

func (h *waiter) HandOn(bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	let := h.waits && !h.let
	h.let = h.let || let
	return let
}

func (h *waiter) Writable()    {}
func (h *waiter) Ended(error)  { h.conn.Close() }
func (h *waiter) Panicked(any) { h.conn.Close() }

// When a database stalls, the handlers of all clients wait, and none of them is to wait for the
// others before it even begins: the number of those that have begun doubles from look to look.
func TestManyHandlersThatWaitBeginSoon(t *testing.T) {
	defer goleak.VerifyNone(t)
	const many = 500
	p := New(nil)
	p.loops = p.loops[:1]
	l := &p.loops[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var entered sync.WaitGroup
	entered.Add(many)
	leave := make(chan struct{})
	clients := make([]net.Conn, many)
	for i := range clients {
		if clients[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
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
		if err := conn.Start(&waiter{conn: conn, entered: &entered, leave: leave}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	entered.Wait()
	l.mu.Lock()
	looks := l.clock
	l.mu.Unlock()
	if looks > many/4 {
		t.Errorf("it took %d looks until %d handlers have begun", looks, many)
	}
	close(leave)
	for _, c := range clients {
		c.Close()
	}
}
