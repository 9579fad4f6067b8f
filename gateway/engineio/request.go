// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
)

// request is an HTTP request with what its query says.
type request struct {
	*http.Request
	query url.Values // of parameters
	// isUpgrade: the client asks for a websocket connection.
	isUpgrade bool
	// isWebTransport: the request is for a WebTransport session, whose query says nothing.
	isWebTransport bool
	// time is when the request came.
	time time.Time
}

// parameters are those that the protocol knows.
var parameters = []string{"EIO", "transport", "sid", "t", "j", "b64"}

func (r *request) transport() string { return r.query.Get("transport") }

// verify finds the session that a request is for, nil for a handshake, or the reason to refuse it. The order of the
// checks is that of the reference implementation, since clients' tests look at which error comes first.
func (s *Server) verify(c *Config, r *request) (*Session, *refusals.Answer) {
	if !c.offers(r.transport()) || r.transport() == WebTransport { // which does not come by such requests
		return nil, refusals.UnknownTransport
	}
	if !httpx.ValidHeaderValue(r.Header.Get("Origin")) {
		return nil, refusals.BadRequest
	}
	if r.isUpgrade && r.transport() != WebSocket {
		return nil, refusals.BadRequest
	}
	if id := r.query.Get("sid"); id != "" {
		return s.verifySession(id, r)
	}
	return nil, s.verifyHandshake(c, r)
}

func (s *Server) verifySession(id string, r *request) (*Session, *refusals.Answer) {
	session := s.session(id)
	if session == nil || session.expire(r.time) {
		return nil, refusals.UnknownSession
	}
	if !r.isUpgrade && session.Transport() != r.transport() {
		return nil, refusals.BadRequest
	}
	if r.protocol() != session.protocol {
		return nil, refusals.BadRequest
	}
	if session.config.CORS.Refuses(r.Request) {
		return nil, refusals.ForeignOrigin
	}
	return session, nil
}

func (s *Server) verifyHandshake(c *Config, r *request) *refusals.Answer {
	if r.Method != http.MethodGet {
		return refusals.BadMethod
	}
	if r.transport() == WebSocket && !r.isUpgrade {
		return refusals.BadRequest
	}
	if c.CORS.Refuses(r.Request) {
		return refusals.ForeignOrigin
	}
	if refusal := s.checkCapacity(c); refusal != nil {
		return refusal
	}
	if !c.speaks(r.protocol()) {
		// The reference asks AllowRequest before it looks at the version. No token is spent on what cannot become a session.
		if c.AllowRequest != nil {
			if err := c.AllowRequest(r.Request); err != nil {
				return refused(err)
			}
		}
		return refusals.ProtocolVersion
	}
	return s.admitHandshake(c, r)
}

// The revisions of the protocol, as the query parameter EIO names them. Socket.IO clients of 3.x and later speak 4, those of 1.x
// and 2.x speak 3.
const (
	protocol3 = 3
	protocol4 = 4
)

// protocol is the revision that a request speaks, 0 if it is none that is served. The reference implementation takes
// whatever is not 4 for 3 once it allows that; here an EIO that is missing or makes no sense is always refused.
func (r *request) protocol() uint8 {
	if r.isWebTransport {
		return protocol4
	}
	switch r.query.Get("EIO") {
	case "4":
		return protocol4
	case "3":
		return protocol3
	}
	return 0
}

func (c *Config) speaks(protocol uint8) bool {
	return protocol == protocol4 || protocol == protocol3 && c.AllowEIO3
}

// base64 reports whether the client cannot take bytes.
func (r *request) base64() bool { return r.query.Get("b64") != "" }

// jsonpIndex is the index of the callback that a request wants to be called, if it comes by JSONP.
func (r *request) jsonpIndex() (index string, ok bool) {
	if r.protocol() != protocol3 || !r.query.Has("j") {
		return "", false
	}
	return packet.JSONPIndex(r.query.Get("j")), true
}

// Handshake describes the request that began a session.
type Handshake = handshake.Request

// AddressOf returns the IP address that a request came from: the client's, or the last proxy's.
func AddressOf(r *http.Request) string { return handshake.Address(r.RemoteAddr) }

// CodingQuality is how much the sender of a request likes a content coding, from 0, not at all, to 1, by its Accept-Encoding
// headers (RFC 9110 section 12.5.3). Names of codings are in lower case, such as "br". A request that does not speak of the
// coding does not want it.
func CodingQuality(header []string, coding string) float64 {
	return httpx.CodingQuality(header, coding)
}
