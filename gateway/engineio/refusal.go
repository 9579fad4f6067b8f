// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// RefusalReason is the reason for a refused handshake, for Config.OnRefused.
type RefusalReason string

// The reasons for refusals.
const (
	// RefusedInvalid: no client of this server would send such a request.
	RefusedInvalid RefusalReason = refusals.ReasonInvalid
	// RefusedForbidden: Config.AllowRequest refused it.
	RefusedForbidden RefusalReason = refusals.ReasonForbidden
	// RefusedOrigin: the origin is not in CORS.Origins.
	RefusedOrigin RefusalReason = refusals.ReasonOrigin
	// RefusedRate: Config.HandshakesPerSecond was exceeded.
	RefusedRate RefusalReason = refusals.ReasonRate
	// RefusedFull: Config.MaxSessions was reached.
	RefusedFull RefusalReason = refusals.ReasonFull
	// RefusedDraining: the server is draining.
	RefusedDraining RefusalReason = refusals.ReasonDraining
	// RefusedAddress: Config.MaxSessionsPerAddress was reached.
	RefusedAddress RefusalReason = refusals.ReasonAddress
	// RefusedUnauthenticated: Config.MaxUnadmittedPerAddress was reached.
	RefusedUnauthenticated RefusalReason = refusals.ReasonIdle
)

// RefusedHandshake describes a refused handshake, for Config.OnRefused.
type RefusedHandshake struct {
	Reason RefusalReason
	// Request must not be kept or changed.
	Request *http.Request
	// Status is the status of the answer; Code and Message are its body (engine.io,
	// "Server.errors").
	Status, Code int
	Message      string
}

// RefusalReasons lists all reasons.
func RefusalReasons() []RefusalReason {
	return []RefusalReason{
		RefusedInvalid, RefusedForbidden, RefusedOrigin, RefusedRate, RefusedFull, RefusedDraining, RefusedAddress, RefusedUnauthenticated,
	}
}

// admitHandshake takes a token for a handshake that is valid so far, and calls AllowRequest.
func (s *Server) admitHandshake(c *Config, r *request.Request) *refusals.Answer {
	if !handshake.Fits(r.Request) {
		return refusals.LargeHandshake
	}
	if !s.handshakes.Take(r.Time) {
		return refusals.TooManyHandshakes()
	}
	if c.AllowRequest == nil {
		return nil
	}
	if err := c.AllowRequest(r.Request); err != nil {
		return refused(err)
	}
	return nil
}

// checkLoad returns nil if a handshake could be admitted now. It takes no token.
func (s *Server) checkLoad(c *Config, r *request.Request) *refusals.Answer {
	if refusal := s.checkCapacity(c, r); refusal != nil {
		return refusal
	}
	if !s.handshakes.HasToken(r.Time) {
		return refusals.TooManyHandshakes()
	}
	return nil
}

// tellRefused reports a refused handshake to the application.
func (c *Config) tellRefused(r *request.Request, refusal *refusals.Answer) {
	if c.OnRefused == nil {
		return
	}
	c.OnRefused(RefusedHandshake{
		Reason: RefusalReason(refusal.Reason), Request: r.Request,
		Status: refusal.Status, Code: refusal.Code, Message: refusal.Message,
	})
}

// Refusal is an error of AllowRequest that determines the answer to the handshake.
type Refusal struct {
	// Status is the HTTP status; 403 if zero.
	Status int
	// Message is the text of the answer; "Forbidden" if empty.
	Message string
	// RetryAfter is the Retry-After header, in whole seconds; omitted if zero.
	RetryAfter time.Duration
}

// Error returns the text that the client gets.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return refusals.Forbidden.Message
	}
	return r.Message
}

// refused returns the answer to a handshake that AllowRequest has refused.
func refused(err error) *refusals.Answer {
	var r *Refusal
	if errors.As(err, &r) {
		return refusals.Forbid(r.Status, r.Message, r.RetryAfter)
	}
	return refusals.Forbid(0, err.Error(), 0)
}
