// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// connection is what one Engine.IO session carries: the sockets of a client, one per namespace. It is the session's
// Handler.
type connection struct {
	server  *Server
	session *engineio.Session
	decoder parser.Decoder
	// rare is nil until it is needed.
	rare atomic.Pointer[rare]

	mu    sync.Mutex
	lanes laneSet // guarded by mu
	// connectTimer closes a connection that joins no namespace; nil once it has joined one. Guarded by mu.
	connectTimer *time.Timer
	closed       bool // guarded by mu
	// greeted: there was a CONNECT. Guarded by mu.
	greeted bool
}

// rare is what few connections need.
type rare struct {
	inbox bounds.Inbox
	// backlog is how many bytes wait of what the connection's sockets have missed.
	backlog atomic.Int64
	// paced is for clients that do more than join one namespace. Guarded by the connection's mu.
	paced buckets
}

func (c *connection) needRare() *rare {
	if r := c.rare.Load(); r != nil {
		return r
	}
	c.rare.CompareAndSwap(nil, &rare{})
	return c.rare.Load()
}

func (c *connection) inbox() *bounds.Inbox { return &c.needRare().inbox }

func newConnection(server *Server, session *engineio.Session) *connection {
	c := &connection{server: server, session: session}
	timeout := time.Duration(server.connectTimeout.Load())
	if timeout <= 0 {
		timeout = DefaultConnectTimeout
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connectTimer = time.AfterFunc(timeout, c.connectTimedOut)
	return c
}

func (c *connection) connectTimedOut() {
	c.mu.Lock()
	idle := !c.lanes.joined()
	c.mu.Unlock()
	if idle {
		c.session.Close(ReasonForcedServerClose)
	}
}

// OnMessage takes a message of the session.
func (c *connection) OnMessage(data []byte, binary bool) {
	var p parser.Packet
	complete, err := c.decoder.Add(c.server.codec, data, binary, &p)
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

// take takes a packet: an answer at once, since a handler may wait for it, and all else in the turn of its namespace.
func (c *connection) take(p *parser.Packet) {
	if p.Type == parser.Connect {
		c.splitQuery(p)
	}
	l, s := c.lane(p)
	switch {
	case l == nil:
		c.violate(errors.New("packet for a namespace that the client is not in: " + withoutQuery(p.Namespace)))
		return
	case s != nil && p.Type == parser.Ack:
		s.onAck(p)
		return
	case s != nil && p.Type == parser.Disconnect:
		s.abandonAcks() // for which a handler may wait, too
	}
	if c.awaitRoom() {
		c.runPacket(l, p)
	}
}

// lane is that of a packet's namespace, and the socket that is there; both are nil if the client has not asked to be let in.
func (c *connection) lane(p *parser.Packet) (*lane, *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes.get(p.Namespace)
	if l == nil && p.Type == parser.Connect {
		l = c.lanes.open(p.Namespace)
	}
	if l == nil {
		return nil, nil
	}
	return l, l.socket
}

// errEarlyAttachments: a client that nobody has let in yet may not have the server keep attachments.
var errEarlyAttachments = errors.New("attachments are announced before CONNECT")

// hasJoined tells whether the client has been let into a namespace.
func (c *connection) hasJoined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.joined()
}

// OnUpgrade takes the change of the session's transport.
func (c *connection) OnUpgrade(transport string) {
	for _, s := range c.all() {
		if h, _ := s.handled(); len(h.upgraded) == 0 {
			continue
		}
		c.runApart(s.lane, func() {
			h, _ := s.handled()
			for _, f := range h.upgraded {
				(*f)(transport)
			}
		})
	}
}

// OnClose takes the end of the session. It returns when all handlers have: who closes a server waits for that.
func (c *connection) OnClose(reason engineio.CloseReason, _ error) {
	if reason == engineio.ReasonSlowConsumer {
		c.server.losses.slowConsumers.Add(1)
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
			run = c.run
		}
		run(l, func() {
			c.closeLane(l, string(reason))
			c.run(l, ended.Done) // behind what that has brought about
		})
		if s := c.socket(l); s != nil {
			s.abandonAcks() // for which a handler may wait
		}
	}
	ended.Wait()
}

func (c *connection) closeLane(l *lane, reason string) {
	if s := c.socket(l); s != nil {
		s.close(reason)
	}
}

// socket is the one that was let into a namespace last; nil if none was.
func (c *connection) socket(l *lane) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.socket
}

func (c *connection) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lanes.sockets()
}

// stopTimer is called with mu held. A timer would keep some 200 bytes for as long as the connection lives.
func (c *connection) stopTimer() {
	if c.connectTimer != nil {
		c.connectTimer.Stop()
		c.connectTimer = nil
	}
}

// disconnect leaves all namespaces and closes the connection, when the client has been told.
func (c *connection) disconnect() {
	for _, s := range c.all() {
		s.disconnect(false)
	}
	c.session.Close(engineio.ReasonForcedClose)
}

// fail closes the connection of a client that breaks the protocol.
func (c *connection) fail(err error) {
	c.server.log.Debug("bad packet", "client", c.session.LogID(), "error", err)
	c.session.Close(engineio.ReasonParseError)
}

// violate closes the connection of a client whose packet makes no sense where it stands.
func (c *connection) violate(err error) {
	c.server.log.Debug("misplaced packet", "client", c.session.LogID(), "error", err)
	c.session.Close(ReasonForcedServerClose)
}

func (c *connection) send(p *parser.Packet) { c.sendEncoded(c.server.codec.Encode(p)) }

func (c *connection) sendEncoded(e parser.Encoded) {
	// A session that has closed, or that closes because this is too much for it, tells OnClose.
	if e.Message != nil && len(e.Attachments) == 0 && !e.Uncompressed {
		_ = c.session.Send(e.Message)
		return
	}
	_ = c.session.Send(e.Messages()...)
}
