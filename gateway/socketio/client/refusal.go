// SPDX-License-Identifier: Apache-2.0

package client

// ConnectError is a middleware's refusal: the client gets connect_error with this message and data.
// Of any other error it gets the text alone.
type ConnectError struct {
	Message string
	// Data is sent as JSON if it is not nil.
	Data any
}

func (e *ConnectError) Error() string { return e.Message }

// ReturnRefused is the error of a client that may not come back to its session, because of an
// authenticator or a middleware.
type ReturnRefused struct{ Reason error }

func (r *ReturnRefused) Error() string { return "a middleware refuses: " + r.Reason.Error() }
func (r *ReturnRefused) Unwrap() error { return r.Reason }
