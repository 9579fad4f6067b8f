// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

var (
	// ErrDisconnected is returned for what is done with a socket that has left its namespace.
	ErrDisconnected = errors.New("socket is disconnected")
	// ErrManyAcks is returned for an acknowledgement that is asked of a client which owes 1,024 already.
	ErrManyAcks = errors.New("the client owes too many acknowledgements")
	// ErrReservedEvent is returned for an event name that Socket.IO keeps for itself.
	ErrReservedEvent = errors.New("event name is reserved")
	// ErrNoAck is returned by Event.Ack when the client asked for no acknowledgement, or has got one.
	ErrNoAck = errors.New("no acknowledgement is asked for")
)

// A ConnectError is a middleware's refusal: the client gets connect_error with this message and data.
// Any other error is sent with its text alone.
type ConnectError struct {
	Message string
	// Data is sent as JSON if it is not nil.
	Data any
}

func (e *ConnectError) Error() string { return e.Message }

// IsReservedEvent tells whether Socket.IO keeps the name for itself, so that nobody may emit it
// (socket.io-parser, RESERVED_EVENTS).
func IsReservedEvent(name string) bool { return parser.IsReservedEvent(name) }
