// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Host is what the connections of a server share.
type Host[S Socket] struct {
	Codec  parser.Codec
	Log    *slog.Logger
	Panics *panics.Watch
	// Connect lets a client into a namespace, or refuses it. It is called in the namespace's turn.
	Connect func(Arrival[S])
	// ConnectTimeout is how long a connection may stay without a namespace, in nanoseconds.
	ConnectTimeout atomic.Int64
	Limits         atomic.Pointer[Limits]
	// Suspended is the number of suspended handlers.
	Suspended atomic.Int64
	// SlowConsumers is the number of connections that were closed because their clients did not
	// read.
	SlowConsumers atomic.Uint64
}

// Socket is a client in one namespace. Its methods are called in the namespace's turn, except
// AbandonAcks, OnAck and WantsUpgrade.
type Socket interface {
	comparable
	// Alive returns false if the socket has left its namespace.
	Alive() bool
	// OnEvent and OnAck receive packets from the client, by value, so that these need not be on the
	// heap.
	OnEvent(p parser.Packet)
	OnAck(p parser.Packet)
	// AbandonAcks ends the wait for the client's acknowledgements.
	AbandonAcks()
	WantsUpgrade() bool
	OnUpgrade(transport string)
	// Leave ends the socket on behalf of the server, OnLeave on behalf of the client or because its
	// connection ends.
	Leave()
	OnLeave(reason string)
}

// Conn is one Engine.IO session and the sockets of its client, one per namespace. It is the
// session's Handler. Safe for concurrent use.
type Conn[S Socket] struct {
	host    *Host[S]
	session *engineio.Session
	decoder parser.Decoder
	// rare is nil until it is needed.
	rare atomic.Pointer[rare]

	mu    sync.Mutex
	lanes laneSet[S] // guarded by mu
	// connectTimer closes a connection that is in no namespace; nil while it is in one. Guarded by
	// mu.
	connectTimer *time.Timer
	closed       bool // guarded by mu
	// greeted reports whether there was a CONNECT. Guarded by mu.
	greeted bool
}

// New returns the connection of a session that has just been opened.
func New[S Socket](host *Host[S], session *engineio.Session) *Conn[S] {
	c := &Conn[S]{host: host, session: session}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startTimer()
	return c
}

// Session returns the session of the transport.
func (c *Conn[S]) Session() *engineio.Session { return c.session }

func (c *Conn[S]) connectTimedOut() {
	c.mu.Lock()
	idle := !c.lanes.inhabited()
	c.mu.Unlock()
	if idle {
		c.session.CloseUnadmitted(client.ReasonForcedServerClose)
	}
}

// Left is called when a socket has left its namespace. A client that is in no namespace any more
// has as long as a new one to connect to another.
func (c *Conn[S]) Left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.connectTimer != nil || c.lanes.inhabited() {
		return
	}
	c.session.SetAdmitted(false)
	c.startTimer()
}

// startTimer is called with mu held.
func (c *Conn[S]) startTimer() {
	c.connectTimer = time.AfterFunc(time.Duration(c.host.ConnectTimeout.Load()), c.connectTimedOut)
}

// OnMessage handles a message of the session.
func (c *Conn[S]) OnMessage(data []byte, binary bool) {
	var p parser.Packet
	complete, err := c.decode(data, binary, &p)
	if err != nil {
		c.fail(err)
		return
	}
	switch {
	case complete:
		c.take(&p)
	case !c.hasJoined():
		c.violate(errEarlyAttachments)
	}
}

// largeMessage is the size, in bytes, from which on decoding a message takes long enough to delay
// other clients.
const largeMessage = 32 << 10

// decode returns true with the last message of a packet.
func (c *Conn[S]) decode(data []byte, binary bool, p *parser.Packet) (complete bool, err error) {
	if len(data) < largeMessage {
		return c.decoder.Add(c.host.Codec, data, binary, p)
	}
	return c.decodeLarge(data, binary, p)
}

// decodeLarge is separate from decode because its closure is on the heap.
func (c *Conn[S]) decodeLarge(data []byte, binary bool, p *parser.Packet) (complete bool, err error) {
	c.session.Compute(func() { complete, err = c.decoder.Add(c.host.Codec, data, binary, p) })
	return complete, err
}

// take handles a packet: an acknowledgement at once, since a handler may wait for it, and any other
// packet in the turn of its namespace.
func (c *Conn[S]) take(p *parser.Packet) {
	if p.Type == parser.Connect {
		c.splitQuery(p)
	}
	var none S
	l, s := c.lane(p)
	switch {
	case l == nil:
		c.violate(errors.New("packet for a namespace that the client is not in: " + WithoutQuery(p.Namespace)))
		return
	case s != none && p.Type == parser.Ack:
		onAck(s, p)
		return
	case s != none && p.Type == parser.Disconnect:
		s.AbandonAcks() // a handler may wait for these, too
	}
	if p.Type != parser.Connect && c.inboxFull() && !c.hasJoined() {
		c.violate(errEarlyPackets)
		return
	}
	if c.awaitRoom() {
		c.runPacket(l, p)
	}
}

// onAck is not inlined, since the copy of the packet would be on the stack of a goroutine that
// waits in take.
//
//go:noinline
func onAck[S Socket](s S, p *parser.Packet) { s.OnAck(*p) }

// lane returns the lane of a packet's namespace and the socket there; both are nil if the client
// has not sent a CONNECT for it.
func (c *Conn[S]) lane(p *parser.Packet) (l *Lane[S], s S) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l = c.lanes.get(p.Namespace)
	if l == nil && p.Type == parser.Connect {
		l = c.lanes.open(p.Namespace)
	}
	if l == nil {
		return nil, s
	}
	return l, l.socket
}

// errEarlyAttachments: a client must be let in before it can make the server keep attachments.
var errEarlyAttachments = errors.New("attachments are announced before CONNECT")

// errEarlyPackets: a client that waits to be let in is not waited for, since it would hold the
// worker that reads it. No stock client sends anything before the answer to its CONNECT.
var errEarlyPackets = errors.New("too many packets before CONNECT is answered")

// hasJoined reports whether the client has been let into a namespace.
func (c *Conn[S]) hasJoined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.joined()
}

// OnUpgrade handles a change of the session's transport.
func (c *Conn[S]) OnUpgrade(transport string) {
	for _, l := range c.allLanes() {
		if s, ok := c.socket(l); ok && s.WantsUpgrade() {
			c.runApart(l, func() { s.OnUpgrade(transport) })
		}
	}
}

// OnClose handles the end of the session. It returns when all handlers have returned, which the
// code that closes a server waits for.
func (c *Conn[S]) OnClose(reason engineio.CloseReason, _ error) {
	if reason == engineio.ReasonSlowConsumer {
		c.host.SlowConsumers.Add(1)
	}
	c.mu.Lock()
	c.closed = true
	c.stopTimer()
	lanes := c.lanes.all()
	c.mu.Unlock()
	var ended sync.WaitGroup
	ended.Add(len(lanes))
	for i, l := range lanes {
		run := c.runApart
		if i == len(lanes)-1 {
			run = c.Run
		}
		run(l, func() {
			c.closeLane(l, string(reason))
			c.Run(l, ended.Done) // after the handlers that the end has caused
		})
		if s, ok := c.socket(l); ok {
			s.AbandonAcks() // a handler may wait for these
		}
	}
	ended.Wait()
}

func (c *Conn[S]) closeLane(l *Lane[S], reason string) {
	if s, ok := c.socket(l); ok {
		s.OnLeave(reason)
	}
}

// socket returns the socket that was let into a namespace last; ok is false if there was none.
func (c *Conn[S]) socket(l *Lane[S]) (s S, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.socket, l.taken()
}

func (c *Conn[S]) allLanes() []*Lane[S] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.all()
}

// Sockets returns the sockets that were let in; some may have left.
func (c *Conn[S]) Sockets() []S {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.sockets()
}

// stopTimer is called with mu held. A timer would occupy some 200 bytes as long as the connection
// lives.
func (c *Conn[S]) stopTimer() {
	if c.connectTimer != nil {
		c.connectTimer.Stop()
		c.connectTimer = nil
	}
}

// Disconnect leaves all namespaces, and closes the connection when the client has been told.
func (c *Conn[S]) Disconnect() {
	for _, s := range c.Sockets() {
		s.Leave()
	}
	c.session.Close(engineio.ReasonForcedClose)
}

// fail closes the connection of a client that breaks the protocol.
func (c *Conn[S]) fail(err error) {
	c.host.Log.Debug("bad packet", "connection", c.session.LogID(), "error", err)
	c.session.Close(engineio.ReasonParseError)
}

// violate closes the connection of a client whose packet is not allowed at this point.
func (c *Conn[S]) violate(err error) {
	c.host.Log.Debug("misplaced packet", "connection", c.session.LogID(), "error", err)
	c.session.Close(client.ReasonForcedServerClose)
}

// Send sends a packet.
func (c *Conn[S]) Send(p *parser.Packet) { c.SendEncoded(c.host.Codec.Encode(p)) }

// SendEncoded sends an encoded packet.
func (c *Conn[S]) SendEncoded(e parser.Encoded) {
	// If the session has closed, or closes because this is too much for it, OnClose reports it.
	if e.Message != nil && len(e.Attachments) == 0 && !e.Uncompressed {
		_ = c.session.Send(e.Message)
		return
	}
	_ = c.session.Send(e.Messages()...)
}
