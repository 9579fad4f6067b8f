// SPDX-License-Identifier: Apache-2.0

// Package request reads requests of clients: the query, and the packets in the body of a POST.
// Whether a request may be served is for its users to decide.
package request

import (
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/internal/query"
)

// parameters are the query parameters of the protocol.
var parameters = []string{"EIO", "transport", "sid", "t", "j", "b64"}

// Request is an HTTP request with its query.
type Request struct {
	*http.Request
	query url.Values // of parameters
	// IsUpgrade: the client asks for a WebSocket.
	IsUpgrade bool
	// IsWebTransport: the client asks for a WebTransport session. The query says nothing then.
	IsWebTransport bool
	// Time is when the request came.
	Time time.Time
}

// New reads the query of a request that came now.
func New(r *http.Request, isUpgrade bool) *Request {
	return &Request{Request: r, query: query.Pick(r.URL.RawQuery, parameters...), IsUpgrade: isUpgrade, Time: time.Now()}
}

// Transport returns the name of the transport.
func (r *Request) Transport() string { return r.query.Get("transport") }

// SessionID returns the id of the session that the request is for, empty for a handshake.
func (r *Request) SessionID() string { return r.query.Get("sid") }

// Stamp returns the value by which the client tells its polls apart.
func (r *Request) Stamp() string { return r.query.Get("t") }

// Protocol returns the protocol revision that the client speaks, 0 if there is no such revision.
// The reference implementation takes everything but 4 for 3 once it allows that; here an EIO that
// is missing or makes no sense is always refused.
func (r *Request) Protocol() uint8 {
	if r.IsWebTransport {
		return packet.Protocol4
	}
	switch r.query.Get("EIO") {
	case "4":
		return packet.Protocol4
	case "3":
		return packet.Protocol3
	}
	return 0
}

// Base64 reports whether the client cannot take bytes.
func (r *Request) Base64() bool { return r.query.Get("b64") != "" }

// JSONP returns the index of the callback that the client wants called. ok is false if the request
// does not use JSONP.
func (r *Request) JSONP() (index string, ok bool) {
	if r.Protocol() != packet.Protocol3 || !r.query.Has("j") {
		return "", false
	}
	return packet.JSONPIndex(r.query.Get("j")), true
}
