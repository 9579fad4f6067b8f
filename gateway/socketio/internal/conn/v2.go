// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Clients of Socket.IO 1.x and 2.x speak revision 3 of Engine.IO and revision 4 of Socket.IO. What differs is here, and in
// v2.go of package socketio: they are in the main namespace from the first, and join others with a query instead of auth.

// IsV2 tells whether the client is one of them.
func (c *Conn[S]) IsV2() bool { return c.session.Protocol() == 3 }

// ConnectV2 is the CONNECT to the main namespace that such a client does not send.
func (c *Conn[S]) ConnectV2() {
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
func (c *Conn[S]) splitQuery(p *parser.Packet) {
	name, query, found := strings.Cut(p.Namespace, "?")
	if !found || !c.IsV2() {
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

// refusalForm is what a client is told of a refusal. 2.x clients get a middleware's data, or else its message, by itself; the
// reference makes no difference for a namespace that is not there.
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

// WithoutQuery is the name of a namespace as it may be logged. What clients put behind a question
// mark is how those of 2.x authenticate.
func WithoutQuery(namespace string) string {
	name, _, _ := strings.Cut(namespace, "?")
	return name
}
