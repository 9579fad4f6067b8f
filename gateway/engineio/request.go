// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// verify returns the session that a request is for, nil for a handshake, or the reason to refuse
// it. The order of the checks is that of the reference implementation, since the tests of clients
// depend on which error comes first.
func (s *Server) verify(c *Config, r *request.Request) (*Session, *refusals.Answer) {
	if !c.offers(r.Transport()) || r.Transport() == WebTransport { // which uses other requests
		return nil, refusals.UnknownTransport
	}
	if !httpx.ValidHeaderValue(r.Header.Get("Origin")) {
		return nil, refusals.BadRequest
	}
	if r.IsUpgrade && r.Transport() != WebSocket {
		return nil, refusals.BadRequest
	}
	if id := r.SessionID(); id != "" {
		return s.verifySession(id, r)
	}
	return nil, s.verifyHandshake(c, r)
}

func (s *Server) verifySession(id string, r *request.Request) (*Session, *refusals.Answer) {
	session := s.session(id)
	if session == nil || session.expire(r.Time) {
		return nil, refusals.UnknownSession
	}
	if !r.IsUpgrade && session.Transport() != r.Transport() {
		return nil, refusals.BadRequest
	}
	if r.Protocol() != session.protocol {
		return nil, refusals.BadRequest
	}
	if session.config.CORS.Refuses(r.Request) {
		return nil, refusals.ForeignOrigin
	}
	return session, nil
}

func (s *Server) verifyHandshake(c *Config, r *request.Request) *refusals.Answer {
	if r.Method != http.MethodGet {
		return refusals.BadMethod
	}
	if r.Transport() == WebSocket && !r.IsUpgrade {
		return refusals.BadRequest
	}
	if c.CORS.Refuses(r.Request) {
		return refusals.ForeignOrigin
	}
	if refusal := s.checkCapacity(c, r); refusal != nil {
		return refusal
	}
	if !c.speaks(r.Protocol()) {
		// The reference implementation calls AllowRequest before it looks at the version. No token
		// is spent on a request that cannot become a session.
		if c.AllowRequest != nil {
			if err := c.AllowRequest(r.Request); err != nil {
				return refused(err)
			}
		}
		return refusals.ProtocolVersion
	}
	return s.admitHandshake(c, r)
}

func (c *Config) speaks(protocol uint8) bool {
	return protocol == packet.Protocol4 || protocol == packet.Protocol3 && c.AllowEIO3
}

// Handshake is the information from the request that began a session.
type Handshake = handshake.Request

// AddressOf returns the IP address that a request came from: the client's, or the last proxy's.
func AddressOf(r *http.Request) string { return handshake.Address(r.RemoteAddr) }

// LeftOut returns the names of the headers of a handshake that its session does not keep, since
// they are long. Config.SessionContext can keep what is needed of them.
func LeftOut(r *http.Request) []string { return handshake.LeftOut(r) }

// CodingQuality returns the preference for a content coding, from 0 (not acceptable) to 1,
// according to the Accept-Encoding headers (RFC 9110 section 12.5.3). Names of codings are in lower
// case, such as "br". Codings that the headers do not mention are not acceptable.
func CodingQuality(header []string, coding string) float64 {
	return httpx.CodingQuality(header, coding)
}
