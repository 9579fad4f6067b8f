// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/callstack"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Suspend has nothing else run in the lane until resume is called with what goes on then.
func (c *Conn[S]) Suspend(l *Lane[S]) (resume func(then func())) {
	l.turn.Suspend()
	c.host.Suspended.Add(1)
	size := min(suspendedSize+int(l.size), maxSuspendedSize)
	c.inbox().Add(size)
	return func(then func()) {
		c.host.Suspended.Add(-1)
		c.turned(size)
		if !l.turn.Resume(then) {
			return // whoever runs the handler goes on
		}
		c.call(then)
		c.runRest(l)
	}
}

// After is Suspend for a function that may wait: then runs when that has returned.
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

// Run runs a function in its turn. When one panics, the rest still runs.
func (c *Conn[S]) Run(l *Lane[S], f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	c.call(f)
	c.runRest(l)
}

// runApart is Run for who must not wait.
func (c *Conn[S]) runApart(l *Lane[S], f func()) {
	if !l.turn.Begin() && l.turn.Leave(f, 0) {
		return
	}
	go func() {
		c.call(f)
		c.runRest(l)
	}()
}

// runPacket takes a packet in its turn. Only one whose turn has not come is on the heap.
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

// WithinHandler tells whether it is a handler of a connection that has called, or one of its functions in the same goroutine.
func WithinHandler() bool { return callstack.Has(callsHandlers) }

// callsHandlers is what the names of those methods begin with that call handlers.
const callsHandlers = "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn.(*Conn[...]).call"

// Recovered is deferred. It closes the connection whose handler panics.
func (c *Conn[S]) Recovered() {
	if p := recover(); p != nil {
		c.host.Panics.Tell("handler", p, "client", c.session.LogID())
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
func (c *Conn[S]) turned(size int) {
	if c.inbox().Remove(size) {
		c.session.PutOff()
	}
}

// awaitRoom waits while much waits for its turn. It is false when the session closes.
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

// packetSize is about what a packet takes in memory while its turn has not come.
func packetSize(p *parser.Packet) int {
	n := turnSize + len(p.Event) + len(p.Payload)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}
