// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

var (
	// ErrDisconnected is returned for operations on a socket that has left its namespace.
	ErrDisconnected = errors.New("socket is disconnected")
	// ErrManyAcks is returned if a client that already owes as many acknowledgements as it may
	// (Limits.PendingAcks) is asked for another one.
	ErrManyAcks = errors.New("the client owes too many acknowledgements")
	// ErrReservedEvent is returned for event names that Socket.IO reserves.
	ErrReservedEvent = errors.New("event name is reserved")
	// ErrNoAck is returned for the acknowledgement of an event that asked for none, or has received
	// one.
	ErrNoAck = errors.New("no acknowledgement is asked for")
)

// IsReservedEvent reports whether Socket.IO reserves the name, so that nobody may emit it
// (socket.io-parser, RESERVED_EVENTS).
func IsReservedEvent(name string) bool { return parser.IsReservedEvent(name) }

// CheckEmission refuses an event that would make stock clients close the connection: one with a
// reserved name, or with more binary arguments than most.
func CheckEmission(name string, attachments, most int) error {
	if IsReservedEvent(name) {
		return fmt.Errorf("emit %s: %w", name, ErrReservedEvent)
	}
	if attachments > most {
		return fmt.Errorf("emit %s: %d binary arguments, clients take %d", name, attachments, most)
	}
	return nil
}
