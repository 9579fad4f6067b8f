// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Clients of Socket.IO 1.x and 2.x speak revision 3 of Engine.IO and revision 4 of Socket.IO. This file is all that differs:
// they are in the main namespace from the first, join others with a query instead of auth, and are not told the ids of
// their sockets.

// isV2 tells whether the client is one of them.
func (c *connection) isV2() bool { return c.session.Protocol() == 3 }

// connectV2 is the CONNECT to the main namespace that such a client does not send.
func (c *connection) connectV2() {
	p := &parser.Packet{Type: parser.Connect, Namespace: "/"}
	l, _ := c.lane(p)
	done := make(chan struct{})
	c.runApart(l, func() {
		defer close(done)
		c.onPacket(l, p)
	})
	// The client reads the answer with that to its handshake, unless a handler takes long: that may wait for the client.
	late := time.NewTimer(connectV2Time)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

// connectV2Time is how long the answer to a handshake waits for that to the CONNECT.
const connectV2Time = 5 * time.Millisecond

// splitQuery takes the query off the namespace of a CONNECT and makes it the auth payload.
func (c *connection) splitQuery(p *parser.Packet) {
	name, query, found := strings.Cut(p.Namespace, "?")
	if !found || !c.isV2() {
		return
	}
	p.Namespace = name
	values, _ := url.ParseQuery(query) // what it cannot read it leaves out
	auth := map[string]string{}
	for key, v := range values {
		auth[key] = v[len(v)-1]
	}
	p.Payload, _ = json.Marshal(auth) // strings always encode
}

// welcome is the answer to a CONNECT that is let in.
func (c *connection) welcome(s *Socket) *parser.Packet {
	p := &parser.Packet{Type: parser.Connect, Namespace: s.namespace.name}
	if !c.isV2() {
		p.Payload = []byte(`{"sid":"` + s.id + `"}`)
		if s.pid != "" {
			p.Payload = []byte(`{"sid":"` + s.id + `","pid":"` + s.pid + `"}`)
		}
	}
	return p
}

// refusalForm is what a client is told of a refusal. 2.x clients get a middleware's data, or else its message, by itself; the
// reference makes no difference for a namespace that is not there.
func (c *connection) refusalForm(r refusal) any {
	switch {
	case !c.isV2(), r.Message == errInvalidNamespace.Message:
		return r
	case r.Data != nil:
		return r.Data
	default:
		return r.Message
	}
}

// A 2.x client is not told the id of its socket: it takes the id of its Engine.IO session for it,
// which is a bearer secret. So its socket has an id of its own, as any other, and only that one is
// shown to others. The id that the client knows is an alias: a second room of the socket's own, so
// that a client which has told its id to another is reached by it. No list of rooms has the alias,
// and no RoomWatcher hears of it.

// ownRooms are the rooms that exist for the socket alone.
func (s *Socket) ownRooms() []string {
	if !s.conn.isV2() {
		return []string{s.id}
	}
	return []string{s.id, s.alias()}
}

// alias is the id that a 2.x client takes for that of its socket: the session's, with the namespace
// in front if that is not the main one.
func (s *Socket) alias() string {
	if s.namespace.name == "/" {
		return s.conn.session.ID()
	}
	return s.namespace.name + "#" + s.conn.session.ID()
}

// isAlias reports whether a room is the socket's alias.
func (s *Socket) isAlias(room string) bool { return s.conn.isV2() && room == s.alias() }

// LogID names the socket in logs. It is ID, which is no secret.
func (s *Socket) LogID() string { return s.id }

// withoutQuery is the name of a namespace as it may be logged. What clients put behind a question
// mark is how those of 2.x authenticate.
func withoutQuery(namespace string) string {
	name, _, _ := strings.Cut(namespace, "?")
	return name
}
