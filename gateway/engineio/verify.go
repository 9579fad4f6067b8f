// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// request is an HTTP request with what its query says.
type request struct {
	*http.Request
	query url.Values
	// isUpgrade: the client asks for a websocket connection.
	isUpgrade bool
	// isWebTransport: the request is for a WebTransport session, whose query says nothing.
	isWebTransport bool
	// time is when the request came.
	time time.Time
}

func (r *request) transport() string { return r.query.Get("transport") }

// verify finds the session that a request is for, nil for a handshake, or the reason to refuse it. The order of the
// checks is that of the reference implementation, since clients' tests look at which error comes first.
func (s *Server) verify(c *Config, r *request) (*Session, *requestError) {
	if !c.offers(r.transport()) || r.transport() == WebTransport { // which does not come by such requests
		return nil, errUnknownTransport
	}
	if !httpx.ValidHeaderValue(r.Header.Get("Origin")) {
		return nil, errBadRequest
	}
	if r.isUpgrade && r.transport() != WebSocket {
		return nil, errBadRequest
	}
	if id := r.query.Get("sid"); id != "" {
		return s.verifySession(id, r)
	}
	return nil, s.verifyHandshake(c, r)
}

func (s *Server) verifySession(id string, r *request) (*Session, *requestError) {
	session := s.session(id)
	if session == nil || session.expire(r.time) {
		return nil, errUnknownSession
	}
	if !r.isUpgrade && session.Transport() != r.transport() {
		return nil, errBadRequest
	}
	if r.protocol() != session.protocol {
		return nil, errBadRequest
	}
	if session.config.CORS.refuses(r.Request) {
		return nil, errForeignOrigin
	}
	return session, nil
}

func (s *Server) verifyHandshake(c *Config, r *request) *requestError {
	if r.Method != http.MethodGet {
		return errBadMethod
	}
	if r.transport() == WebSocket && !r.isUpgrade {
		return errBadRequest
	}
	if c.CORS.refuses(r.Request) {
		return errForeignOrigin
	}
	if refusal := s.room(c); refusal != nil {
		return refusal
	}
	if !c.speaks(r.protocol()) {
		// The reference asks AllowRequest before it looks at the version. No token is spent on what cannot become a session.
		if c.AllowRequest != nil {
			if err := c.AllowRequest(r.Request); err != nil {
				return refused(err)
			}
		}
		return errProtocolVersion
	}
	return s.admit(c, r)
}
