// SPDX-License-Identifier: Apache-2.0

package identity

import "errors"

// Code is the kind of a refusal, for clients and metrics.
type Code string

// The codes of refusals.
const (
	// TokenMissing is for a client that shows no token.
	TokenMissing Code = "token_missing"
	// TokenInvalid is for a token that is malformed, not trusted, or for somebody else.
	TokenInvalid Code = "token_invalid"
	// TokenExpired is for a token that was valid: a client should come back with a new one.
	TokenExpired Code = "token_expired"
	// Forbidden is for a client that is known and must not connect.
	Forbidden Code = "forbidden"
	// Unavailable is for a client about whom nothing can be said now, as keys or a webhook cannot
	// be reached. It should try again.
	Unavailable Code = "unavailable"
)

// Error is a refusal. Its text is for logs: it has neither the token nor claims in it.
type Error struct {
	Code Code
	// Message is what a webhook wants the client to be told; empty for nothing in particular.
	Message string
	// Reason says why, for logs. It never has parts of the token.
	Reason string
	// Unrecognized means that the token is not one that this authenticator would judge, such as
	// another issuer's. Another one may know it.
	Unrecognized bool
	// Err is the cause, such as that of a failed request; may be nil.
	Err error
}

func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Refuse makes an error of a code and a reason.
func Refuse(code Code, reason string) *Error { return &Error{Code: code, Reason: reason} }

// NotRecognized makes the error of a token that the authenticator does not judge.
func NotRecognized(reason string) *Error {
	return &Error{Code: TokenInvalid, Reason: reason, Unrecognized: true}
}

// NotAvailable makes the error of a client about whom nothing can be said because of err, which may
// be nil.
func NotAvailable(reason string, err error) *Error {
	return &Error{Code: Unavailable, Reason: reason, Err: err}
}

// AsError returns the refusal in an error. Any other error is that nothing can be said.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return NotAvailable("the authenticator failed", err)
}
