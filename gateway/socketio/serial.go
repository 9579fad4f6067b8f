// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// serial runs functions one at a time and in order without a goroutine of its own: whoever finds it idle runs what is
// there, and whoever finds it busy, even from within a function that it runs, leaves its function behind for that one.
// So the callbacks of a connection never overlap, and a handler may disconnect its own socket.
type serial struct {
	mu      sync.Mutex
	running bool     // guarded by mu
	queue   []func() // guarded by mu
}

// InTurn calls f as a handler of the connection is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.run(f) }

// run runs a function in its turn. When one panics, the rest still runs.
func (c *connection) run(f func()) {
	if !c.serial.begin() && c.serial.leave(f) {
		return
	}
	c.call(f)
	c.runRest()
}

// runPacket takes a packet in its turn. Only one whose turn has not come is on the heap.
func (c *connection) runPacket(p *parser.Packet) {
	if !c.serial.begin() && c.serial.leave(c.later(*p)) {
		return
	}
	c.callPacket(p)
	c.runRest()
}

func (c *connection) later(p parser.Packet) func() { return func() { c.onPacket(&p) } }

func (c *connection) runRest() {
	for f := c.serial.next(); f != nil; f = c.serial.next() {
		c.call(f)
	}
}

func (c *connection) call(f func()) {
	defer c.recovered()
	f()
}

func (c *connection) callPacket(p *parser.Packet) {
	defer c.recovered()
	c.onPacket(p)
}

// recovered closes the connection whose handler panics.
func (c *connection) recovered() {
	if p := recover(); p != nil {
		c.server.panics.Tell(placeHandler, p, "client", c.session.LogID())
		c.session.Close(engineio.ReasonForcedClose)
	}
}

// begin is true for who finds it idle: it is his turn, until next returns nil.
func (s *serial) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return false
	}
	s.running = true
	return true
}

// leave leaves a function to whoever runs. If nobody does any more, it is false, and the turn is the caller's.
func (s *serial) leave(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		s.running = true
		return false
	}
	s.queue = append(s.queue, f)
	return true
}

// next is what has been left behind, nil if nothing is.
func (s *serial) next() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.running = false
		s.queue = nil
		return nil
	}
	f := s.queue[0]
	s.queue = s.queue[1:]
	return f
}
