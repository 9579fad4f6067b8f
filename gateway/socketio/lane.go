// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/callstack"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/turn"
)

// lane is one namespace of a connection. What the client sends for it has its turn one at a time and in order, whatever takes long in
// others.
type lane struct {
	turn turn.Turn
	// name is that of the namespace; empty while the lane is nobody's.
	name string
	// socket is the one that was let in last. One that has been disconnected stays until the client connects anew, so that what was
	// on its way then is ignored and not an offence. Guarded by the connection's mu.
	socket *Socket
	// connecting: a CONNECT has its turn, of a client that may be let in. Guarded by the connection's mu.
	connecting bool
	// size is that of the packet which has its turn, about. Who has the turn alone uses it.
	size int32
}

// alive tells whether the client is in the namespace, or about to be. The connection's mu is held.
func (l *lane) alive() bool {
	return l.connecting || l.socket != nil && l.socket.state.Load() != stateClosed
}

// InTurn calls f as a handler of the socket is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.run(s.lane, f) }

// After is Suspend for a handler that waits for a function: then is called when that has returned.
func (s *Socket) After(wait, then func()) { s.conn.after(s.lane, wait, then) }

// Suspend is for a handler that waits: it returns, and goes on in what resume is given, when that is called. Until then nothing else
// of the socket has its turn, as if the handler had waited; but no goroutine waits, with all that the handler has had on its stack.
// It is called by a handler, and resume exactly once. That calls what it is given, and whatever else has its turn then, so it may
// take its time.
func (s *Socket) Suspend() (resume func(then func())) { return s.conn.suspend(s.lane) }

// Suspended is how many handlers wait, of those that Suspend and After have suspended.
func (s *Server) Suspended() int { return int(s.suspended.Load()) }

func (c *connection) suspend(l *lane) (resume func(then func())) {
	l.turn.Suspend()
	c.server.suspended.Add(1)
	size := min(suspendedSize+int(l.size), maxSuspendedSize)
	c.inbox().Add(size)
	return func(then func()) {
		c.server.suspended.Add(-1)
		c.turned(size)
		if !l.turn.Resume(then) {
			return // whoever runs the handler goes on
		}
		c.call(then)
		c.runRest(l)
	}
}

func (c *connection) after(l *lane, wait, then func()) {
	resume := c.suspend(l)
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
func (c *connection) run(l *lane, f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	c.call(f)
	c.runRest(l)
}

// runApart is run for who must not wait.
func (c *connection) runApart(l *lane, f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	go func() {
		c.call(f)
		c.runRest(l)
	}()
}

// runPacket takes a packet in its turn. Only one whose turn has not come is on the heap.
func (c *connection) runPacket(l *lane, p *parser.Packet) {
	size := packetSize(p)
	if !l.turn.Begin() {
		f := c.later(l, *p)
		c.inbox().Add(size)
		if l.turn.Leave(f, size) {
			return
		}
		c.turned(size)
	}
	c.session.MayWait()
	l.size = int32(size)
	c.callPacket(l, p)
	c.runRest(l)
}

func (c *connection) later(l *lane, p parser.Packet) func() { return func() { c.onPacket(l, &p) } }

func (c *connection) runRest(l *lane) {
	for f, size := l.turn.Next(); f != nil; f, size = l.turn.Next() {
		if size > 0 {
			c.turned(size)
			l.size = int32(size)
		}
		c.call(f)
	}
}

func (c *connection) call(f func()) {
	defer c.recovered()
	f()
}

func (c *connection) callPacket(l *lane, p *parser.Packet) {
	defer c.recovered()
	c.onPacket(l, p)
}

// withinHandler tells whether it is a handler of a connection that has called, or one of its functions in the same goroutine.
func withinHandler() bool { return callstack.Has(callsHandlers) }

// callsHandlers is what the names of those methods begin with that call handlers.
const callsHandlers = "github.com/realtime-operator/realtime-operator/gateway/socketio.(*connection).call"

// recovered closes the connection whose handler panics.
func (c *connection) recovered() {
	if p := recover(); p != nil {
		c.server.panics.Tell(placeHandler, p, "client", c.session.LogID())
		c.session.Close(engineio.ReasonForcedClose)
	}
}

const (
	// turnSize is what a packet that waits takes apart from its payload.
	turnSize = 256
	// A suspended handler counts for suspendedSize and its packet, but for maxSuspendedSize at most: a client is read while one
	// handler of it is suspended, however large its packet was.
	suspendedSize, maxSuspendedSize = 1 << 10, bounds.MaxInbox / 2
)

// turned is told that something has its turn which has waited in the inbox. A client that is not read as long as there is no room may
// have answered a ping.
func (c *connection) turned(size int) {
	if c.inbox().Remove(size) {
		c.session.PutOff()
	}
}

// awaitRoom waits while much waits for its turn. It is false when the session closes.
func (c *connection) awaitRoom() bool {
	r := c.rare.Load()
	if r == nil {
		return true
	}
	for room := r.inbox.Full(); room != nil; room = r.inbox.Full() {
		select {
		case <-room:
		case <-c.session.Context().Done():
			return false
		}
	}
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

// laneSet is a connection's lanes by the names of their namespaces. Most connections have one, which needs no map.
type laneSet struct {
	first  lane
	others map[string]*lane
}

// get is the lane of a namespace; nil if there is none.
func (s *laneSet) get(name string) *lane {
	if s.first.name == name {
		return &s.first
	}
	return s.others[name]
}

// open is get, but makes the lane.
func (s *laneSet) open(name string) *lane {
	if l := s.get(name); l != nil {
		return l
	}
	if s.first.name == "" {
		s.first.name = name
		return &s.first
	}
	if s.others == nil {
		s.others = map[string]*lane{}
	}
	if len(s.others) >= maxKept {
		s.closeUnused()
	}
	l := &lane{name: name}
	s.others[name] = l
	return l
}

// close forgets a lane, unless the client has been let into the namespace, or may be now. What has been left there still has its turn.
func (s *laneSet) close(l *lane) {
	switch {
	case l.socket != nil || l.connecting:
	case l == &s.first:
		l.name = ""
	case s.others[l.name] == l:
		delete(s.others, l.name)
	}
}

// closeUnused forgets the lanes of sockets that have left, but for the first. Only who takes the client's packets makes lanes, and looks
// for them, so nothing is on its way to one that is free.
func (s *laneSet) closeUnused() {
	for name, l := range s.others {
		if !l.alive() && l.turn.Free() {
			delete(s.others, name)
		}
	}
}

// all lists them.
func (s *laneSet) all() []*lane {
	lanes := make([]*lane, 0, 1+len(s.others))
	if s.first.name != "" {
		lanes = append(lanes, &s.first)
	}
	for _, l := range s.others {
		lanes = append(lanes, l)
	}
	return lanes
}

// sockets lists those that were let in.
func (s *laneSet) sockets() []*Socket {
	sockets := make([]*Socket, 0, 1+len(s.others))
	if s.first.socket != nil {
		sockets = append(sockets, s.first.socket)
	}
	for _, l := range s.others {
		if l.socket != nil {
			sockets = append(sockets, l.socket)
		}
	}
	return sockets
}

// joined tells whether the client has been let into a namespace.
func (s *laneSet) joined() bool {
	if s.first.socket != nil {
		return true
	}
	for _, l := range s.others {
		if l.socket != nil {
			return true
		}
	}
	return false
}

// alive is how many namespaces the client is in, or about to be.
func (s *laneSet) alive() int {
	n := 0
	if s.first.alive() {
		n++
	}
	for _, l := range s.others {
		if l.alive() {
			n++
		}
	}
	return n
}
