// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

var (
	errLargeAuth = &client.ConnectError{Message: "Auth payload too large"}
	// ErrInvalidNamespace is the refusal of a namespace that does not exist.
	ErrInvalidNamespace = &client.ConnectError{Message: "Invalid namespace"}
	errManyNamespaces   = &client.ConnectError{Message: "Too many namespaces"}
	errFastConnects     = &client.ConnectError{Message: "Too many namespaces in too short a time"}
	errConnectError     = errors.New("CONNECT_ERROR from a client")
	errSecondConnect    = errors.New("second CONNECT")
)

// refusals are the encoded payloads of refusals that clients can cause as often as they like.
var refusals = map[error][]byte{
	errLargeAuth: refusalOf(errLargeAuth), ErrInvalidNamespace: refusalOf(ErrInvalidNamespace),
	errManyNamespaces: refusalOf(errManyNamespaces), errFastConnects: refusalOf(errFastConnects),
}

func refusalOf(err *client.ConnectError) []byte {
	payload, _ := plainjson.Append(nil, refusal{Message: err.Message}) // a string always encodes
	return payload
}

func (c *Conn[S]) onPacket(l *Lane[S], p *parser.Packet) {
	if p.Type == parser.Connect {
		c.onConnect(l, p)
		return
	}
	c.onOther(l, p)
}

// onOther handles any packet but CONNECT. It is apart from onPacket, since copies of the packet
// would be on the stack of a goroutine that waits in onConnect.
func (c *Conn[S]) onOther(l *Lane[S], p *parser.Packet) {
	s, ok := c.socket(l)
	if !ok {
		c.violate(errors.New("packet for a namespace that the client is not in: " + WithoutQuery(p.Namespace)))
		return
	}
	switch p.Type {
	case parser.Disconnect:
		s.OnLeave(client.ReasonClientDisconnect)
	case parser.Event:
		s.OnEvent(*p)
	case parser.Ack:
		s.OnAck(*p)
	default:
		c.violate(errConnectError)
	}
}

func (c *Conn[S]) onConnect(l *Lane[S], p *parser.Packet) {
	now, auth := time.Now(), authOf(p)
	if err := c.beginConnect(l, now, auth); err != nil {
		c.refuseConnect(p.Namespace, err)
		return
	}
	c.host.Connect(Arrival[S]{Conn: c, Lane: l, Namespace: p.Namespace, Auth: auth, Time: now})
}

// refuseConnect answers a CONNECT for which the namespace is not asked.
func (c *Conn[S]) refuseConnect(namespace string, err error) {
	if errors.Is(err, errSecondConnect) {
		c.violate(errors.New("second CONNECT to " + WithoutQuery(namespace)))
		return
	}
	c.refuse(namespace, err)
}

// noAuth is the auth payload of a client that sends none.
var noAuth = json.RawMessage("{}")

// authOf returns the auth payload of a CONNECT.
func authOf(p *parser.Packet) json.RawMessage {
	if len(p.Payload) == 0 {
		return noAuth
	}
	return p.Payload
}

// beginConnect returns an error for a CONNECT that is refused without asking the namespace.
func (c *Conn[S]) beginConnect(l *Lane[S], now time.Time, auth json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.alive() {
		return errSecondConnect
	}
	defer c.lanes.close(l) // unless the namespace is asked
	limits := c.host.Limits.Load()
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

// Arrival is a client that asks to be let into a namespace. Its handling ends with End.
type Arrival[S Socket] struct {
	Conn      *Conn[S]
	Lane      *Lane[S]
	Namespace string
	// Auth is the client's auth payload; {} if it sent none.
	Auth json.RawMessage
	Time time.Time
}

// Admit makes the socket the client's socket in the namespace, unless the connection has closed
// meanwhile.
func (a *Arrival[S]) Admit(s S) bool {
	c := a.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.stopTimer()
	c.session.SetAdmitted(true)
	a.Lane.socket = s
	return true
}

// End ends the arrival, whether or not the client was let in.
func (a *Arrival[S]) End() {
	a.Conn.mu.Lock()
	defer a.Conn.mu.Unlock()
	a.Lane.connecting = false
	a.Conn.lanes.close(a.Lane)
}

// Welcome answers the CONNECT of a client that is let in. The private id is empty if it cannot be
// recovered.
func (c *Conn[S]) Welcome(namespace, id, pid string) {
	p := &parser.Packet{Type: parser.Connect, Namespace: namespace}
	switch {
	case c.IsV2():
	case pid != "":
		p.Payload = []byte(`{"sid":"` + id + `","pid":"` + pid + `"}`)
	default:
		p.Payload = []byte(`{"sid":"` + id + `"}`)
	}
	c.Send(p)
}

// Refuse answers with CONNECT_ERROR.
func (a *Arrival[S]) Refuse(err error) { a.Conn.refuse(a.Namespace, err) }

// refuse answers CONNECT with CONNECT_ERROR.
func (c *Conn[S]) refuse(namespace string, err error) {
	if payload, ok := refusals[err]; ok && !c.IsV2() {
		c.Send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Payload: payload})
		return
	}
	body := refusal{Message: err.Error()}
	var connectErr *client.ConnectError
	if errors.As(err, &connectErr) {
		body.Message, body.Data = connectErr.Message, connectErr.Data
	}
	payload, err := plainjson.Append(nil, c.refusalForm(body))
	if err != nil {
		c.host.Log.Error("encode the data of a connect error; it is left out", "namespace", WithoutQuery(namespace), "error", err)
		body.Data = nil
		payload, _ = plainjson.Append(nil, c.refusalForm(body)) // a string always encodes
	}
	c.Send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Payload: payload})
}

// refusal is the payload of CONNECT_ERROR.
type refusal struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}
