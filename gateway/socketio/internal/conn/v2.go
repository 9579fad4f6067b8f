// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Clients of Socket.IO 1.x and 2.x speak revision 3 of Engine.IO and revision 4 of Socket.IO. The
// differences are here, and in v2.go of package socketio: these clients are in the main namespace
// from the start, and join others with a query instead of auth.

// IsV2 reports whether the client is one of them.
func (c *Conn[S]) IsV2() bool { return c.session.Protocol() == 3 }

// SocketIDOfV2 is what such a client takes for the id of its socket in a namespace: the session's,
// with the namespace in front if that is not the main one.
func (c *Conn[S]) SocketIDOfV2(namespace string) string {
	if namespace == "/" {
		return c.session.ID()
	}
	return namespace + "#" + c.session.ID()
}

// ConnectV2 handles the CONNECT to the main namespace that such a client does not send.
func (c *Conn[S]) ConnectV2() {
	p := &parser.Packet{Type: parser.Connect, Namespace: "/"}
	l, _ := c.lane(p)
	done := make(chan struct{})
	c.runApart(l, func() {
		defer close(done)
		c.onPacket(l, p)
	})
	// The client reads this answer together with that to its handshake, unless a handler takes
	// long, which may be waiting for the client.
	late := time.NewTimer(connectV2Time)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

// connectV2Time is how long the answer to a handshake waits for the answer to the CONNECT.
const connectV2Time = 5 * time.Millisecond

// splitQuery moves the query of a CONNECT's namespace to the auth payload.
func (c *Conn[S]) splitQuery(p *parser.Packet) {
	name, query, found := strings.Cut(p.Namespace, "?")
	if !found || !c.IsV2() {
		return
	}
	p.Namespace = name
	values, _ := url.ParseQuery(query) // it skips what it cannot parse
	auth := map[string]string{}
	for key, v := range values {
		auth[key] = v[len(v)-1]
	}
	p.Payload, _ = json.Marshal(auth) // strings always encode
}

// refusalForm returns the payload of a refusal. 2.x clients receive only the data of the
// middleware's error or, without data, the message; the reference does the same for a namespace
// that does not exist.
func (c *Conn[S]) refusalForm(r refusal) any {
	switch {
	case !c.IsV2(), r.Message == ErrInvalidNamespace.Message:
		return r
	case r.Data != nil:
		return r.Data
	default:
		return r.Message
	}
}

// WithoutQuery returns the name of a namespace in a form for logs. 2.x clients put credentials
// after the question mark.
func WithoutQuery(namespace string) string {
	name, _, _ := strings.Cut(namespace, "?")
	return name
}
