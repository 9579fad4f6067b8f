// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/callstack"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Suspend keeps everything else in the lane waiting until resume is called with the function that
// continues.
func (c *Conn[S]) Suspend(l *Lane[S]) (resume func(then func())) {
	l.turn.Suspend()
	c.host.Suspended.Add(1)
	size := min(suspendedSize+int(l.size), maxSuspendedSize)
	c.inbox().Add(size)
	return func(then func()) {
		c.host.Suspended.Add(-1)
		c.turned(size)
		if !l.turn.Resume(then) {
			return // the goroutine that runs the handler continues
		}
		c.call(then)
		c.runRest(l)
	}
}

// After is Suspend for a function that may block: when wait has returned, then runs in the lane.
func (c *Conn[S]) After(l *Lane[S], wait, then func()) {
	resume := c.Suspend(l)
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

// Run runs a function in its turn. After a panic, the rest still runs.
func (c *Conn[S]) Run(l *Lane[S], f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	c.call(f)
	c.runRest(l)
}

// RunFirst is Run, before all that waits in the lane: a CONNECT may be there that must find the
// former socket gone.
func (c *Conn[S]) RunFirst(l *Lane[S], f func()) {
	if !l.turn.Begin() && l.turn.LeaveFirst(f) {
		return
	}
	c.call(f)
	c.runRest(l)
}

// runApart is Run for callers that must not block.
func (c *Conn[S]) runApart(l *Lane[S], f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	go func() {
		c.call(f)
		c.runRest(l)
	}()
}

// runPacket handles a packet in its turn. Only a packet that has to wait is on the heap.
func (c *Conn[S]) runPacket(l *Lane[S], p *parser.Packet) {
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

func (c *Conn[S]) later(l *Lane[S], p parser.Packet) func() { return func() { c.onPacket(l, &p) } }

func (c *Conn[S]) runRest(l *Lane[S]) {
	for f, size := l.turn.Next(); f != nil; f, size = l.turn.Next() {
		if size > 0 {
			c.turned(size)
			l.size = int32(size)
		}
		c.call(f)
	}
}

func (c *Conn[S]) call(f func()) {
	defer c.Recovered()
	f()
}

func (c *Conn[S]) callPacket(l *Lane[S], p *parser.Packet) {
	defer c.Recovered()
	c.onPacket(l, p)
}

// WithinHandler reports whether the caller is a handler of a connection, or a function that a
// handler has called in the same goroutine.
func WithinHandler() bool { return callstack.Has(callsHandlers) }

// callsHandlers is the common prefix of the methods that call handlers.
const callsHandlers = "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn.(*Conn[...]).call"

// Recovered is deferred. It closes the connection if its handler panics.
func (c *Conn[S]) Recovered() {
	if p := recover(); p != nil {
		c.host.Panics.Tell("handler", p, "connection", c.session.LogID())
		c.session.Close(engineio.ReasonForcedClose)
	}
}

const (
	// turnSize is the size of a waiting packet apart from its payload.
	turnSize = 256
	// A suspended handler counts for suspendedSize and its packet, but for at most
	// maxSuspendedSize: a client is read while one of its handlers is suspended, however large its
	// packet was.
	suspendedSize, maxSuspendedSize = 1 << 10, bounds.MaxInbox / 2
)

// turned is called when something that has waited in the inbox has its turn. A client that was not
// read because the inbox was full may have answered a ping in the meantime.
func (c *Conn[S]) turned(size int) {
	if c.inbox().Remove(size) {
		c.session.PutOff()
	}
}

// inboxFull reports whether awaitRoom blocks.
func (c *Conn[S]) inboxFull() bool {
	r := c.rare.Load()
	return r != nil && r.inbox.Full() != nil
}

// awaitRoom blocks while the inbox is full. It returns false if the session closes.
func (c *Conn[S]) awaitRoom() bool {
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

// packetSize returns the approximate size in memory of a waiting packet.
func packetSize(p *parser.Packet) int {
	n := turnSize + len(p.Event) + len(p.Payload)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}
