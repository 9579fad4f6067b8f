// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// RefusalReason says why a handshake was refused, for Config.OnRefused.
type RefusalReason string

// The reasons of refusals.
const (
	// RefusedInvalid: the request is none that a client of the server's would send.
	RefusedInvalid RefusalReason = "invalid"
	// RefusedForbidden: Config.AllowRequest.
	RefusedForbidden RefusalReason = "forbidden"
	// RefusedOrigin: CORS.Origins.
	RefusedOrigin RefusalReason = "origin"
	// RefusedRate: Config.HandshakesPerSecond.
	RefusedRate RefusalReason = "rate"
	// RefusedFull: Config.MaxSessions.
	RefusedFull RefusalReason = "full"
	// RefusedDraining: the server is leaving.
	RefusedDraining RefusalReason = "draining"
)

// RefusalReasons are all there are.
func RefusalReasons() []RefusalReason {
	return []RefusalReason{RefusedInvalid, RefusedForbidden, RefusedOrigin, RefusedRate, RefusedFull, RefusedDraining}
}

// maxRetryAfter is the latest that a client which came too soon is told to come back, in seconds.
const maxRetryAfter = 5

// errTooManyHandshakes answers a handshake that Config.HandshakesPerSecond has no token for. When to come back is drawn anew for
// each, so that those who heed it do not come back together.
func errTooManyHandshakes() *requestError {
	return &requestError{
		status: http.StatusServiceUnavailable, code: 4, message: "Too many handshakes", reason: RefusedRate,
		retryAfter: time.Duration(1+rand.IntN(maxRetryAfter)) * time.Second,
	}
}

// limit puts the bound of a configuration in force. A bucket that is there keeps its tokens, so that a reload is no way around
// it; a new one is full. The lock configuring is held.
func (s *Server) limit(c *Config) {
	bucket, perSecond := s.handshakes.Load(), rate.Limit(c.HandshakesPerSecond)
	switch {
	case perSecond == 0:
		s.handshakes.Store(nil)
	case bucket == nil:
		s.handshakes.Store(rate.NewLimiter(perSecond, c.HandshakeBurst))
	default:
		bucket.SetBurst(c.HandshakeBurst)
		bucket.SetLimit(perSecond)
	}
}

// admit takes a token for a handshake that is in order so far, and asks the application.
func (s *Server) admit(c *Config, r *request) *requestError {
	if !httpx.Fits(r.Request) {
		return errLargeHandshake
	}
	if bucket := s.handshakes.Load(); bucket != nil && !bucket.AllowN(r.time, 1) {
		return errTooManyHandshakes()
	}
	if c.AllowRequest == nil {
		return nil
	}
	if err := c.AllowRequest(r.Request); err != nil {
		return refused(err)
	}
	return nil
}

// crowded is nil if a handshake that came now could be admitted. It takes no token.
func (s *Server) crowded(c *Config, r *request) *requestError {
	if refusal := s.room(c); refusal != nil {
		return refusal
	}
	if bucket := s.handshakes.Load(); bucket != nil && bucket.TokensAt(r.time) < 1 {
		return errTooManyHandshakes()
	}
	return nil
}

// count tells the application of a refused handshake.
func (c *Config) count(refusal *requestError) {
	if c.OnRefused == nil {
		return
	}
	reason := refusal.reason
	if reason == "" {
		reason = RefusedInvalid
	}
	c.OnRefused(reason)
}
