// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// connection is what one Engine.IO session carries: the sockets of a client, one per namespace. It is the session's
// Handler.
type connection struct {
	server  *Server
	session *engineio.Session
	decoder parser.Decoder
	// serial runs everything that calls handlers.
	serial serial
	// paced is nil until the client does more than join one namespace. serial guards it.
	paced *buckets
	// backlog is how many bytes wait of what the connection's sockets have missed.
	backlog atomic.Int64

	mu sync.Mutex
	// sockets are by namespace. One that has been disconnected stays until the client connects anew, so that
	// what was on its way then is ignored and not an offence. Guarded by mu.
	sockets socketSet
	// connectTimer closes a connection that joins no namespace; nil once it has joined one. Guarded by mu.
	connectTimer *time.Timer
	closed       bool // guarded by mu
	// greeted: there was a CONNECT. serial guards it.
	greeted bool
}

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
	idle := c.sockets.len() == 0
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
		c.runPacket(&p)
	case !c.hasJoined():
		c.violate(errEarlyAttachments)
	}
}

// errEarlyAttachments: a client that nobody has let in yet may not have the server keep attachments.
var errEarlyAttachments = errors.New("attachments are announced before CONNECT")

// hasJoined tells whether the client has been let into a namespace.
func (c *connection) hasJoined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets.len() > 0
}

// OnUpgrade takes the change of the session's transport.
func (c *connection) OnUpgrade(transport string) {
	c.run(func() {
		for _, s := range c.all() {
			h, _ := s.handled()
			for _, f := range h.upgraded {
				(*f)(transport)
			}
		}
	})
}

// OnClose takes the end of the session. It returns when all handlers have: who closes a server waits for that.
func (c *connection) OnClose(reason engineio.CloseReason, _ error) {
	if reason == engineio.ReasonSlowConsumer {
		c.server.losses.slowConsumers.Add(1)
	}
	ended := make(chan struct{})
	c.run(func() {
		defer close(ended)
		c.mu.Lock()
		c.closed = true
		c.stopTimer()
		c.mu.Unlock()
		for _, s := range c.all() {
			s.close(string(reason))
		}
	})
	<-ended
}

func (c *connection) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets.all()
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

// socketSet is a connection's sockets by their namespaces. Most connections have one, which needs no map.
type socketSet struct {
	first  *Socket
	others map[string]*Socket
}

// get is the socket in a namespace; nil if there is none.
func (c *socketSet) get(namespace string) *Socket {
	if c.first != nil && c.first.namespace.name == namespace {
		return c.first
	}
	return c.others[namespace]
}

// put takes the place of the one that was in the namespace before.
func (c *socketSet) put(s *Socket) {
	if c.first == nil || c.first.namespace.name == s.namespace.name {
		c.first = s
		return
	}
	if c.others == nil {
		c.others = map[string]*Socket{}
	}
	c.others[s.namespace.name] = s
}

// alive is how many of them have not left their namespace.
func (c *socketSet) alive() int {
	n := 0
	if c.first != nil && c.first.state.Load() != stateClosed {
		n++
	}
	for _, s := range c.others {
		if s.state.Load() != stateClosed {
			n++
		}
	}
	return n
}

func (c *socketSet) len() int {
	if c.first == nil {
		return 0 // the others come behind the first
	}
	return 1 + len(c.others)
}

// all lists them.
func (c *socketSet) all() []*Socket {
	sockets := make([]*Socket, 0, c.len())
	if c.first != nil {
		sockets = append(sockets, c.first)
	}
	for _, s := range c.others {
		sockets = append(sockets, s)
	}
	return sockets
}

// forgetClosed forgets those that have left their namespace, but for the first.
func (c *socketSet) forgetClosed() {
	for name, s := range c.others {
		if s.state.Load() == stateClosed {
			delete(c.others, name)
		}
	}
}
