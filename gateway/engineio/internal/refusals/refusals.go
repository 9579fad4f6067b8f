// SPDX-License-Identifier: Apache-2.0

// Package refusals has the answers to refused requests. Codes and texts are those of the reference
// implementation (engine.io, Server.errors).
package refusals

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The reasons for refused handshakes. Requests of sessions are refused as invalid.
const (
	ReasonInvalid   = "invalid"
	ReasonForbidden = "forbidden"
	ReasonOrigin    = "origin"
	ReasonRate      = "rate"
	ReasonFull      = "full"
	ReasonDraining  = "draining"
	ReasonAddress   = "address"
	ReasonIdle      = "unauthenticated"
)

// Answer is the answer to a refused request. It must not be changed.
type Answer struct {
	// Status is the HTTP status. Code and Message are the body.
	Status, Code int
	Message      string
	// RetryAfter is when the client may come back; no header if zero.
	RetryAfter time.Duration
	Reason     string
}

// The answers that are always the same.
var (
	UnknownTransport = &Answer{Status: http.StatusBadRequest, Code: 0, Message: "Transport unknown", Reason: ReasonInvalid}
	UnknownSession   = &Answer{Status: http.StatusBadRequest, Code: 1, Message: "Session ID unknown", Reason: ReasonInvalid}
	BadMethod        = &Answer{Status: http.StatusBadRequest, Code: 2, Message: "Bad handshake method", Reason: ReasonInvalid}
	BadRequest       = &Answer{Status: http.StatusBadRequest, Code: 3, Message: "Bad request", Reason: ReasonInvalid}
	Forbidden        = &Answer{Status: http.StatusForbidden, Code: 4, Message: "Forbidden", Reason: ReasonForbidden}
	ProtocolVersion  = &Answer{Status: http.StatusBadRequest, Code: 5, Message: "Unsupported protocol version", Reason: ReasonInvalid}

	// LargeHandshake: the URL and the headers are too large to be kept with the session.
	LargeHandshake = &Answer{
		Status: http.StatusRequestHeaderFieldsTooLarge, Code: 3, Message: "Request headers too large", Reason: ReasonInvalid,
	}
	// ForeignOrigin: the page is of an origin that may not connect.
	ForeignOrigin = &Answer{Status: http.StatusForbidden, Code: 4, Message: "Forbidden", Reason: ReasonOrigin}
	// Draining: the server is leaving its clients to others.
	Draining = &Answer{
		Status: http.StatusServiceUnavailable, Code: 4, Message: "Server is shutting down", RetryAfter: time.Second, Reason: ReasonDraining,
	}
	// Full: the server has as many sessions as it may.
	Full = &Answer{
		Status: http.StatusServiceUnavailable, Code: 4, Message: "Too many sessions", RetryAfter: 5 * time.Second, Reason: ReasonFull,
	}
	// FullAddress: the client's address has as many sessions as it may.
	FullAddress = &Answer{
		Status: http.StatusTooManyRequests, Code: 4, Message: "Too many sessions from your address", RetryAfter: 5 * time.Second,
		Reason: ReasonAddress,
	}
	// IdleAddress: the client's address has as many sessions that are not admitted as it may.
	IdleAddress = &Answer{
		Status: http.StatusTooManyRequests, Code: 4, Message: "Too many unauthenticated sessions from your address",
		RetryAfter: 5 * time.Second, Reason: ReasonIdle,
	}
)

// maxRetryAfter is the longest Retry-After of TooManyHandshakes, in seconds.
const maxRetryAfter = 5

// TooManyHandshakes refuses a handshake because of the rate of handshakes. The Retry-After is
// random, so that clients that obey it do not return together.
func TooManyHandshakes() *Answer {
	return &Answer{
		Status: http.StatusServiceUnavailable, Code: 4, Message: "Too many handshakes", Reason: ReasonRate,
		RetryAfter: time.Duration(1+rand.IntN(maxRetryAfter)) * time.Second,
	}
}

// Forbid is Forbidden with another status and message, unless they are zero.
func Forbid(status int, message string, retryAfter time.Duration) *Answer {
	a := *Forbidden
	a.Status = cmp.Or(status, a.Status)
	a.Message = cmp.Or(message, a.Message)
	a.RetryAfter = retryAfter
	return &a
}

// Write answers a request; for a WebSocket, whose clients cannot read the answer, with plain text.
func (a *Answer) Write(w http.ResponseWriter, upgrade bool) {
	if a.RetryAfter > 0 {
		seconds := (a.RetryAfter + time.Second - 1) / time.Second // rounded up
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if upgrade {
		a.writeText(w)
		return
	}
	a.writeJSON(w)
}

// writeText refuses the opening handshake of a WebSocket, in the form of the reference
// implementation.
func (a *Answer) writeText(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(a.Status)
	w.Write([]byte(a.Message))
}

// writeJSON refuses any other request: {"code":4,"message":"Forbidden"}.
func (a *Answer) writeJSON(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{a.Code, a.Message})
	if err != nil { // a struct of an int and a string
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	w.Write(body)
}
