// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// RefusalReason is the reason for a refused handshake, for Config.OnRefused.
type RefusalReason string

// The reasons of refusals.
const (
	// RefusedInvalid: no client of this server would send such a request.
	RefusedInvalid RefusalReason = "invalid"
	// RefusedForbidden: Config.AllowRequest refused it.
	RefusedForbidden RefusalReason = "forbidden"
	// RefusedOrigin: the origin is not in CORS.Origins.
	RefusedOrigin RefusalReason = "origin"
	// RefusedRate: Config.HandshakesPerSecond was exceeded.
	RefusedRate RefusalReason = "rate"
	// RefusedFull: Config.MaxSessions was reached.
	RefusedFull RefusalReason = "full"
	// RefusedDraining: the server is draining.
	RefusedDraining RefusalReason = "draining"
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
	return []RefusalReason{RefusedInvalid, RefusedForbidden, RefusedOrigin, RefusedRate, RefusedFull, RefusedDraining}
}

// maxRetryAfter is the longest Retry-After of a refused handshake, in seconds.
const maxRetryAfter = 5

// errTooManyHandshakes refuses a handshake for which Config.HandshakesPerSecond has no token. The
// Retry-After is random, so that clients that obey it do not return together.
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

// admitHandshake takes a token for a handshake that is in order so far, and asks the application.
func (s *Server) admitHandshake(c *Config, r *request) *requestError {
	if !handshake.Fits(r.Request) {
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

// checkLoad is nil if a handshake that came now could be admitted. It takes no token.
func (s *Server) checkLoad(c *Config, r *request) *requestError {
	if refusal := s.checkCapacity(c); refusal != nil {
		return refusal
	}
	if bucket := s.handshakes.Load(); bucket != nil && bucket.TokensAt(r.time) < 1 {
		return errTooManyHandshakes()
	}
	return nil
}

// tellRefused tells the application of a refused handshake.
func (c *Config) tellRefused(r *request, refusal *requestError) {
	if c.OnRefused == nil {
		return
	}
	c.OnRefused(RefusedHandshake{
		Reason: cmp.Or(refusal.reason, RefusedInvalid), Request: r.Request,
		Status: refusal.status, Code: refusal.code, Message: refusal.message,
	})
}

// Errors of Session.Send.
var (
	// ErrClosed: the session is closed, or about to be.
	ErrClosed = errors.New("session is closed")
	// ErrSlowConsumer: too much waits for the client; the session was closed for it.
	ErrSlowConsumer = errors.New("too much waits for the client")
)

// requestError is an answer to a request that is refused. Codes and texts are those of the reference implementation
// (engine.io, Server.errors).
type requestError struct {
	status     int
	code       int
	message    string
	retryAfter time.Duration
	// reason is that of a refused handshake, RefusedInvalid if empty.
	reason RefusalReason
}

var (
	errUnknownTransport = &requestError{status: http.StatusBadRequest, code: 0, message: "Transport unknown"}
	errUnknownSession   = &requestError{status: http.StatusBadRequest, code: 1, message: "Session ID unknown"}
	errBadMethod        = &requestError{status: http.StatusBadRequest, code: 2, message: "Bad handshake method"}
	errBadRequest       = &requestError{status: http.StatusBadRequest, code: 3, message: "Bad request"}
	errForbidden        = &requestError{status: http.StatusForbidden, code: 4, message: "Forbidden", reason: RefusedForbidden}
	errProtocolVersion  = &requestError{status: http.StatusBadRequest, code: 5, message: "Unsupported protocol version"}
)

// errLargeHandshake answers a handshake whose URL and headers are too large to be kept with the session.
var errLargeHandshake = &requestError{
	status: http.StatusRequestHeaderFieldsTooLarge, code: 3, message: "Request headers too large",
}

// errForeignOrigin answers a page whose origin is not among CORS.Origins.
var errForeignOrigin = &requestError{status: http.StatusForbidden, code: 4, message: "Forbidden", reason: RefusedOrigin}

// errDraining answers a handshake that the server is leaving to others.
var errDraining = &requestError{
	status: http.StatusServiceUnavailable, code: 4, message: "Server is shutting down", retryAfter: time.Second, reason: RefusedDraining,
}

// errFull answers a handshake that Config.MaxSessions leaves no room for.
var errFull = &requestError{
	status: http.StatusServiceUnavailable, code: 4, message: "Too many sessions", retryAfter: 5 * time.Second, reason: RefusedFull,
}

// refused is the answer to a handshake that AllowRequest did not like.
func refused(err error) *requestError {
	e := *errForbidden
	if text := err.Error(); text != "" {
		e.message = text
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		e.message = refusal.Error()
		e.retryAfter = refusal.RetryAfter
		if refusal.Status != 0 {
			e.status = refusal.Status
		}
	}
	return &e
}

// write answers a request; over websocket, whose clients cannot read it, as plain text.
func (e *requestError) write(w http.ResponseWriter, upgrade bool) {
	httpx.SetRetryAfter(w.Header(), e.retryAfter)
	if upgrade {
		httpx.WriteText(w, e.status, e.message)
		return
	}
	httpx.WriteError(w, e.status, e.code, e.message)
}
