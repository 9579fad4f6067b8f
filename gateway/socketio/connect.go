// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// maxKept is how many sockets a connection keeps that have left their namespace; see lane.socket. Without a bound, a
// client could pile them up in dynamic namespaces.
const maxKept = 64

var (
	errLargeAuth        = &ConnectError{Message: "Auth payload too large"}
	errInvalidNamespace = &ConnectError{Message: "Invalid namespace"}
	errManyNamespaces   = &ConnectError{Message: "Too many namespaces"}
	errFastConnects     = &ConnectError{Message: "Too many namespaces in too short a time"}
	errConnectError     = errors.New("CONNECT_ERROR from a client")
	errSecondConnect    = errors.New("second CONNECT")
)

// refusals are the payloads of those that clients can bring about as often as they like.
var refusals = map[error][]byte{
	errLargeAuth: refusalOf(errLargeAuth), errInvalidNamespace: refusalOf(errInvalidNamespace),
	errManyNamespaces: refusalOf(errManyNamespaces), errFastConnects: refusalOf(errFastConnects),
}

func refusalOf(err *ConnectError) []byte {
	payload, _ := plainjson.Append(nil, refusal{Message: err.Message}) // a string always encodes
	return payload
}

func (c *connection) onPacket(l *lane, p *parser.Packet) {
	if p.Type == parser.Connect {
		c.onConnect(l, p)
		return
	}
	s := c.socket(l)
	if s == nil {
		c.violate(errors.New("packet for a namespace that the client is not in: " + withoutQuery(p.Namespace)))
		return
	}
	switch p.Type {
	case parser.Disconnect:
		s.close(ReasonClientDisconnect)
	case parser.Event:
		s.onEvent(p)
	case parser.Ack:
		s.onAck(p)
	default:
		c.violate(errConnectError)
	}
}

func (c *connection) onConnect(l *lane, p *parser.Packet) {
	now, auth := time.Now(), authOf(p)
	if err := c.beginConnect(l, now, auth); errors.Is(err, errSecondConnect) {
		c.violate(errors.New("second CONNECT to " + withoutQuery(p.Namespace)))
		return
	} else if err != nil {
		c.refuse(p.Namespace, err)
		return
	}
	ns := c.server.enter(p.Namespace, func() *Handshake { return handshakeOf(c.session, auth, now) })
	if ns == nil {
		c.endConnect(l)
		c.refuse(p.Namespace, errInvalidNamespace)
		return
	}
	if asked := c.askedFor(ns, auth); asked.PID != "" {
		c.connectAgain(l, ns, asked, auth, now)
		return
	}
	c.letIn(c.newSocket(l, ns, auth, now), nil)
}

// beginConnect returns an error for a CONNECT that nobody needs to be asked about.
func (c *connection) beginConnect(l *lane, now time.Time, auth json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.alive() {
		return errSecondConnect
	}
	defer c.lanes.close(l) // unless it is to be asked about
	limits := c.server.limits.Load()
	switch {
	case c.lanes.alive() >= limits.Namespaces:
		return errManyNamespaces
	case !c.takeConnect(now):
		return errFastConnects
	case len(auth) > limits.AuthBytes:
		return errLargeAuth
	}
	l.connecting = true
	return nil
}

// endConnect is the end of a CONNECT that was begun.
func (c *connection) endConnect(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.connecting = false
	c.lanes.close(l)
}

func (c *connection) newSocket(l *lane, ns *Namespace, auth json.RawMessage, now time.Time) *Socket {
	return &Socket{id: c.server.newSocketID(), namespace: ns, conn: c, lane: l, auth: auth, connected: now.UnixNano()}
}

// connectAgain is onConnect for a client that asks for the session that it had. Many may do so at once, and the session may have to
// be waited for.
func (c *connection) connectAgain(l *lane, ns *Namespace, asked recoveryRequest, auth json.RawMessage, now time.Time) {
	var s *Socket
	var missed *backlog
	var err error
	find := func() {
		returned := false
		defer func() {
			if !returned { // a middleware has panicked
				ns.leave()
			}
		}()
		s, missed, err = c.recover(l, ns, asked, auth, now)
		returned = true
	}
	c.after(l, find, func() {
		switch {
		case err != nil: // not to be had now
			ns.leave()
			c.endConnect(l)
			c.refuseReturn(ns.name, err)
		case s == nil:
			c.letIn(c.newSocket(l, ns, auth, now), nil)
		default:
			c.letIn(s, missed)
		}
	})
}

// refuseReturn is for a client that cannot come back now, or may not.
func (c *connection) refuseReturn(namespace string, err error) {
	var refused *returnRefused
	if errors.As(err, &refused) {
		c.refuse(namespace, refused.reason)
		return
	}
	// Whose transport closes comes back, with the same wish; who was welcomed anew would have lost the session.
	c.session.Close(ReasonForcedServerClose)
}

// letIn makes a socket a member of its namespace, if middlewares do not refuse it.
func (c *connection) letIn(s *Socket, missed *backlog) {
	ns := s.namespace
	added, returned := false, false
	var refused error
	defer func() {
		switch {
		case !added: // refused, or a middleware has panicked
			s.abandon()
			ns.leave()
		case !returned && s.state.Load() == stateConnecting: // what followed has panicked
			s.abandon()
			ns.remove(s)
		}
		c.endConnect(s.lane)
		if refused != nil { // a client that is told so has left its rooms
			c.refuse(ns.name, refused)
		}
	}()
	if !s.recovered { // one that is has been judged before
		if refused = ns.authorize(s); refused != nil {
			return
		}
	}
	if added = ns.add(s); !added {
		if s.state.Load() != stateClosed {
			refused = errInvalidNamespace
		}
		return
	}
	if !c.admit(s) {
		s.abandon()
		ns.remove(s)
		returned = true
		return
	}
	if s.recovered {
		s.resume(missed)
	} else {
		s.connect()
	}
	returned = true
}

// admit makes the socket one of the connection's, unless that has closed meanwhile.
func (c *connection) admit(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.stopTimer()
	s.lane.socket = s
	return true
}

// refuse answers CONNECT with CONNECT_ERROR.
func (c *connection) refuse(namespace string, err error) {
	if payload, ok := refusals[err]; ok && !c.isV2() {
		c.send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Payload: payload})
		return
	}
	body := refusal{Message: err.Error()}
	var connectErr *ConnectError
	if errors.As(err, &connectErr) {
		body.Message, body.Data = connectErr.Message, connectErr.Data
	}
	payload, err := plainjson.Append(nil, c.refusalForm(body))
	if err != nil {
		c.server.log.Error("encode the data of a connect error; it is left out", "namespace", withoutQuery(namespace), "error", err)
		body.Data = nil
		payload, _ = plainjson.Append(nil, c.refusalForm(body)) // a string always encodes
	}
	c.send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Payload: payload})
}

// refusal is the payload of CONNECT_ERROR.
type refusal struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}
