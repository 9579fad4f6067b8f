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
	mu sync.Mutex
	// running: it is somebody's turn. Guarded by mu.
	running bool
	later   *turns // what comes later; nil if nothing does; guarded by mu
}

// turns are those that are to come.
type turns struct {
	queue []turn
	// suspended is how many handlers go on later, resumed what those that may go on do next. parked: nobody runs until one of
	// them goes on.
	suspended int
	resumed   []func()
	parked    bool
	// left is the size of the packets in the queue, and room is closed when it gets less; nil if nobody waits for that.
	left int
	room chan struct{}
}

// turn is a function in the queue, and the size of the packet that it is for; 0 if it is for none.
type turn struct {
	call func()
	size int
}

const (
	// maxLeft bounds the packets of a client that wait for their turn. Whoever reads one more waits with it.
	maxLeft = 4 << 10
	// turnSize is what such a packet takes apart from its payload.
	turnSize = 256
)

// InTurn calls f as a handler of the connection is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.run(f) }

// After is Suspend for a handler that waits for a function: then is called when that has returned.
func (s *Socket) After(wait, then func()) { s.conn.after(wait, then) }

// Suspend is for a handler that waits: it returns, and goes on in what resume is given, when that is called. Until then nothing
// else of the connection has its turn, as if the handler had waited; but no goroutine waits, with all that the handler has had on
// its stack. It is called by a handler, and resume exactly once. That calls what it is given, and whatever else has its turn then,
// so it may take its time.
func (s *Socket) Suspend() (resume func(then func())) { return s.conn.suspend() }

// Suspended is how many handlers wait, of those that Suspend and After have suspended.
func (s *Server) Suspended() int { return int(s.suspended.Load()) }

func (c *connection) suspend() (resume func(then func())) {
	c.serial.suspend()
	c.server.suspended.Add(1)
	return func(then func()) {
		c.server.suspended.Add(-1)
		if !c.serial.resume(then) {
			return // whoever runs the handler goes on
		}
		c.call(then)
		c.runRest()
	}
}

func (c *connection) after(wait, then func()) {
	resume := c.suspend()
	go func() {
		returned := false
		c.call(func() {
			wait()
			returned = true
		})
		if !returned { // it has panicked, and the connection ends
			then = func() {}
		}
		resume(then)
	}()
}

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
	if !c.serial.begin() && c.serial.leavePacket(c.later(*p), packetSize(p)) {
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

// expect has a place for what comes later. The lock is held.
func (s *serial) expect() *turns {
	if s.later == nil {
		s.later = &turns{}
	}
	return s.later
}

// leave leaves a function to whoever runs. If nobody does any more, it is false, and the turn is the caller's.
func (s *serial) leave(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		s.running = true
		return false
	}
	l := s.expect()
	l.queue = append(l.queue, turn{call: f})
	return true
}

// leavePacket is leave for what the client has sent. It waits while much of that is in the queue, so that no more is read.
func (s *serial) leavePacket(f func(), size int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.running && s.expect().left+size > maxLeft {
		s.awaitRoom()
	}
	if !s.running {
		s.running = true
		return false
	}
	l := s.expect()
	l.left += size
	l.queue = append(l.queue, turn{f, size})
	return true
}

// awaitRoom is called with the lock held, but does not hold it meanwhile.
func (s *serial) awaitRoom() {
	l := s.expect()
	if l.room == nil {
		l.room = make(chan struct{})
	}
	room := l.room
	s.mu.Unlock()
	<-room
	s.mu.Lock()
}

// next is what comes next, nil if nothing does now: whoever has called it runs no more then.
func (s *serial) next() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.later
	if l == nil {
		s.running = false
		return nil
	}
	switch {
	case len(l.resumed) > 0:
		f := l.resumed[0]
		l.resumed = l.resumed[1:]
		l.suspended--
		return f
	case l.suspended > 0:
		l.parked = true
		return nil
	}
	l.makeRoom()
	if len(l.queue) == 0 {
		s.running, s.later = false, nil
		return nil
	}
	f := l.queue[0]
	l.queue[0] = turn{}
	l.queue = l.queue[1:]
	l.left -= f.size
	return f.call
}

// makeRoom tells those who wait that there may be room when next has returned.
func (l *turns) makeRoom() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

func (s *serial) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expect().suspended++
}

// resume is true if the turn is the caller's. Otherwise the handler has not returned yet, and who runs it goes on.
func (s *serial) resume(then func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.later
	if !l.parked {
		l.resumed = append(l.resumed, then)
		return false
	}
	l.parked = false
	l.suspended--
	return true
}

// packetSize is about what a packet takes in memory while its turn has not come.
func packetSize(p *parser.Packet) int {
	n := turnSize + len(p.Event) + len(p.Payload)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}
