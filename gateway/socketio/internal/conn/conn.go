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
	// Connect lets a client into a namespace, or refuses it. It is called in the turn of that.
	Connect func(Arrival[S])
	// ConnectTimeout is how long a connection may be without a namespace, in nanoseconds.
	ConnectTimeout atomic.Int64
	Limits         atomic.Pointer[Limits]
	// Suspended is how many handlers wait of those that have been suspended.
	Suspended atomic.Int64
	// SlowConsumers is how many connections were closed because their clients did not read.
	SlowConsumers atomic.Uint64
}

// Socket is a client in one namespace. Its methods are called in the turn of that, but for AbandonAcks, OnAck and
// WantsUpgrade.
type Socket interface {
	comparable
	// Alive is false for a socket that has left its namespace.
	Alive() bool
	// OnEvent and OnAck take what the client sends. Packets come by value, so that they need not be on the heap.
	OnEvent(p parser.Packet)
	OnAck(p parser.Packet)
	// AbandonAcks ends the wait for the client's acknowledgements.
	AbandonAcks()
	WantsUpgrade() bool
	OnUpgrade(transport string)
	// Leave is the end of the socket by the server, and OnLeave by the client or with its connection.
	Leave()
	OnLeave(reason string)
}

// Conn is one Engine.IO session and the sockets of its client, one per namespace. It is the session's Handler. Safe
// for concurrent use.
type Conn[S Socket] struct {
	host    *Host[S]
	session *engineio.Session
	decoder parser.Decoder
	// rare is nil until it is needed.
	rare atomic.Pointer[rare]

	mu    sync.Mutex
	lanes laneSet[S] // guarded by mu
	// connectTimer closes a connection that joins no namespace; nil once it has joined one. Guarded by mu.
	connectTimer *time.Timer
	closed       bool // guarded by mu
	// greeted: there was a CONNECT. Guarded by mu.
	greeted bool
}

// New returns the connection of a session that has just been opened.
func New[S Socket](host *Host[S], session *engineio.Session) *Conn[S] {
	c := &Conn[S]{host: host, session: session}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connectTimer = time.AfterFunc(time.Duration(host.ConnectTimeout.Load()), c.connectTimedOut)
	return c
}

// Session is that of the transport.
func (c *Conn[S]) Session() *engineio.Session { return c.session }

func (c *Conn[S]) connectTimedOut() {
	c.mu.Lock()
	idle := !c.lanes.joined()
	c.mu.Unlock()
	if idle {
		c.session.Close(client.ReasonForcedServerClose)
	}
}

// OnMessage takes a message of the session.
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

// largeMessage is the size, in bytes, from which on decoding a message takes long enough to delay other clients.
const largeMessage = 32 << 10

// decode returns true with the last message of a packet.
func (c *Conn[S]) decode(data []byte, binary bool, p *parser.Packet) (complete bool, err error) {
	if len(data) < largeMessage {
		return c.decoder.Add(c.host.Codec, data, binary, p)
	}
	return c.decodeLarge(data, binary, p)
}

// decodeLarge is apart from decode because its closure is on the heap.
func (c *Conn[S]) decodeLarge(data []byte, binary bool, p *parser.Packet) (complete bool, err error) {
	c.session.Compute(func() { complete, err = c.decoder.Add(c.host.Codec, data, binary, p) })
	return complete, err
}

// take takes a packet: an answer at once, since a handler may wait for it, and all else in the turn of its namespace.
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
		s.OnAck(*p)
		return
	case s != none && p.Type == parser.Disconnect:
		s.AbandonAcks() // for which a handler may wait, too
	}
	if c.awaitRoom() {
		c.runPacket(l, p)
	}
}

// lane is that of a packet's namespace, and the socket that is there; both are nil if the client has not asked to be let in.
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

// errEarlyAttachments: a client that nobody has let in yet may not have the server keep attachments.
var errEarlyAttachments = errors.New("attachments are announced before CONNECT")

// hasJoined tells whether the client has been let into a namespace.
func (c *Conn[S]) hasJoined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.joined()
}

// OnUpgrade takes the change of the session's transport.
func (c *Conn[S]) OnUpgrade(transport string) {
	for _, l := range c.allLanes() {
		if s, ok := c.socket(l); ok && s.WantsUpgrade() {
			c.runApart(l, func() { s.OnUpgrade(transport) })
		}
	}
}

// OnClose takes the end of the session. It returns when all handlers have: who closes a server waits for that.
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
			c.Run(l, ended.Done) // behind what that has brought about
		})
		if s, ok := c.socket(l); ok {
			s.AbandonAcks() // for which a handler may wait
		}
	}
	ended.Wait()
}

func (c *Conn[S]) closeLane(l *Lane[S], reason string) {
	if s, ok := c.socket(l); ok {
		s.OnLeave(reason)
	}
}

// socket is the one that was let into a namespace last; ok is false if none was.
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

// Sockets lists those that were let in; some may have left.
func (c *Conn[S]) Sockets() []S {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.sockets()
}

// stopTimer is called with mu held. A timer would keep some 200 bytes for as long as the connection lives.
func (c *Conn[S]) stopTimer() {
	if c.connectTimer != nil {
		c.connectTimer.Stop()
		c.connectTimer = nil
	}
}

// Disconnect leaves all namespaces and closes the connection, when the client has been told.
func (c *Conn[S]) Disconnect() {
	for _, s := range c.Sockets() {
		s.Leave()
	}
	c.session.Close(engineio.ReasonForcedClose)
}

// fail closes the connection of a client that breaks the protocol.
func (c *Conn[S]) fail(err error) {
	c.host.Log.Debug("bad packet", "client", c.session.LogID(), "error", err)
	c.session.Close(engineio.ReasonParseError)
}

// violate closes the connection of a client whose packet makes no sense where it stands.
func (c *Conn[S]) violate(err error) {
	c.host.Log.Debug("misplaced packet", "client", c.session.LogID(), "error", err)
	c.session.Close(client.ReasonForcedServerClose)
}

// Send sends a packet.
func (c *Conn[S]) Send(p *parser.Packet) { c.SendEncoded(c.host.Codec.Encode(p)) }

// SendEncoded sends a packet that is encoded already.
func (c *Conn[S]) SendEncoded(e parser.Encoded) {
	// A session that has closed, or that closes because this is too much for it, tells OnClose.
	if e.Message != nil && len(e.Attachments) == 0 && !e.Uncompressed {
		_ = c.session.Send(e.Message)
		return
	}
	_ = c.session.Send(e.Messages()...)
}
