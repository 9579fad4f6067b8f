// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

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
	if e.retryAfter > 0 {
		seconds := (e.retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if upgrade {
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(e.status)
		w.Write([]byte(e.message))
		return
	}
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{e.code, e.message})
	if err != nil { // a struct of an int and a string
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	w.Write(body)
}
