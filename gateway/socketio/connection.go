// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// connection is what one Engine.IO session carries: the sockets of a client, one per namespace. It is the session's
// Handler.
type connection struct {
	server  *Server
	session *engineio.Session
	since   time.Time
	decoder decoder
	// serial runs everything that calls handlers.
	serial serial

	mu sync.Mutex
	// sockets are by namespace. One that has been disconnected stays until the client connects anew, so that
	// what was on its way then is ignored and not an offence. Guarded by mu.
	sockets map[string]*Socket
	// connectTimer closes a connection that joins no namespace. Guarded by mu.
	connectTimer *time.Timer
	closed       bool // guarded by mu
}

func newConnection(server *Server, session *engineio.Session) *connection {
	c := &connection{server: server, session: session, since: time.Now(), sockets: map[string]*Socket{}}
	c.serial.guard = c.handlerPanicked
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
	idle := len(c.sockets) == 0
	c.mu.Unlock()
	if idle {
		c.session.Close(engineio.ReasonForcedClose)
	}
}

// OnMessage takes a message of the session.
func (c *connection) OnMessage(data []byte, binary bool) {
	p, err := c.decode(data, binary)
	if err != nil {
		c.fail(err)
		return
	}
	if p != nil {
		c.serial.run(func() { c.onPacket(p) })
	}
}

func (c *connection) decode(data []byte, binary bool) (*packet, error) {
	if binary {
		return c.decoder.addBinary(data)
	}
	return c.decoder.addText(data)
}

// OnClose takes the end of the session.
func (c *connection) OnClose(reason engineio.CloseReason, _ error) {
	c.serial.run(func() {
		c.mu.Lock()
		c.closed = true
		c.connectTimer.Stop()
		c.mu.Unlock()
		for _, s := range c.all() {
			s.close(string(reason))
		}
	})
}

func (c *connection) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	sockets := make([]*Socket, 0, len(c.sockets))
	for _, s := range c.sockets {
		sockets = append(sockets, s)
	}
	return sockets
}

// disconnect leaves all namespaces and closes the connection, when the client has been told.
func (c *connection) disconnect() {
	for _, s := range c.all() {
		s.Disconnect(false)
	}
	c.session.Close(engineio.ReasonForcedClose)
}

// fail closes the connection of a client that breaks the protocol.
func (c *connection) fail(err error) {
	c.server.log.Debug("bad packet", "client", c.session.ID(), "error", err)
	c.session.Close(engineio.ReasonParseError)
}

func (c *connection) handlerPanicked(p any) {
	c.server.log.Error("a handler panicked; its connection is closed", "client", c.session.ID(), "panic", p)
	c.session.Close(engineio.ReasonForcedClose)
}

func (c *connection) onPacket(p *packet) {
	if p.typ == packetConnect {
		c.onConnect(p)
		return
	}
	s := c.socket(p.namespace)
	if s == nil {
		c.fail(errors.New("packet for a namespace that the client is not in: " + p.namespace))
		return
	}
	switch p.typ {
	case packetDisconnect:
		s.close(reasonClientDisconnect)
	case packetEvent:
		s.onEvent(p)
	case packetAck:
		s.onAck(p)
	default:
		c.fail(errors.New("CONNECT_ERROR from a client"))
	}
}

func (c *connection) socket(namespace string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sockets[namespace]
}

func (c *connection) onConnect(p *packet) {
	if s := c.socket(p.namespace); s != nil && s.state.Load() != stateClosed {
		c.fail(errors.New("second CONNECT to " + p.namespace))
		return
	}
	ns := c.server.namespace(p.namespace)
	if ns == nil {
		c.refuse(p.namespace, &ConnectError{Message: "Invalid namespace"})
		return
	}
	s := newSocket(c, ns, p.payload)
	if err := ns.authorize(s); err != nil {
		c.refuse(p.namespace, err)
		return
	}
	if !ns.add(s) {
		c.refuse(p.namespace, &ConnectError{Message: "Invalid namespace"})
		return
	}
	if !c.admit(s) {
		ns.remove(s)
		return
	}
	c.send(&packet{typ: packetConnect, namespace: ns.name, payload: []byte(`{"sid":"` + s.id + `"}`)})
	s.connect()
}

// admit makes the socket one of the connection's, unless that has closed meanwhile.
func (c *connection) admit(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.connectTimer.Stop()
	c.sockets[s.namespace.name] = s
	return true
}

// refuse answers CONNECT with CONNECT_ERROR.
func (c *connection) refuse(namespace string, err error) {
	body := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{Message: err.Error()}
	var connectErr *ConnectError
	if errors.As(err, &connectErr) {
		body.Message, body.Data = connectErr.Message, connectErr.Data
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		c.server.log.Error("encode the data of a connect error; it is left out", "namespace", namespace, "error", err)
		body.Data = nil
		buf.Reset()
		_ = enc.Encode(body) // a struct of one string always encodes
	}
	payload := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	c.send(&packet{typ: packetConnectError, namespace: namespace, payload: payload})
}

func (c *connection) send(p *packet) {
	// A session that has closed, or that closes because this is too much for it, tells OnClose.
	_ = c.session.Send(p.encode().messages()...)
}
