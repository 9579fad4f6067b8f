// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"errors"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

var (
	// ErrDisconnected is returned for operations on a socket that has left its namespace.
	ErrDisconnected = event.ErrDisconnected
	// ErrManyAcks is returned if a client that already owes 1,024 acknowledgements is asked for
	// another one.
	ErrManyAcks = errors.New("the client owes too many acknowledgements")
	// ErrReservedEvent is returned for event names that Socket.IO reserves.
	ErrReservedEvent = errors.New("event name is reserved")
	// ErrNoAck is returned by Event.Ack when the client asked for no acknowledgement, or has got one.
	ErrNoAck = event.ErrNoAck
)

// IsReservedEvent reports whether Socket.IO reserves the name, so that nobody may emit it
// (socket.io-parser, RESERVED_EVENTS).
func IsReservedEvent(name string) bool { return parser.IsReservedEvent(name) }

// Why a socket has disconnected, as OnDisconnect and OnDisconnecting tell.
const (
	// ReasonClientDisconnect: the client has left the namespace.
	ReasonClientDisconnect = conn.ReasonClientDisconnect
	// ReasonServerDisconnect: the server has called Disconnect.
	ReasonServerDisconnect = "server namespace disconnect"
	// ReasonServerShuttingDown: the server is closing or draining.
	ReasonServerShuttingDown = "server shutting down"
	// ReasonPingTimeout: the client has not answered a ping in time.
	ReasonPingTimeout = "ping timeout"
	// ReasonTransportClose: the client has closed the connection, or its network has.
	ReasonTransportClose = "transport close"
	// ReasonTransportError: the client has violated the transport.
	ReasonTransportError = "transport error"
	// ReasonParseError: the client has sent an invalid packet.
	ReasonParseError = "parse error"
	// ReasonForcedClose: the server has closed the connection, as when a handler panics.
	ReasonForcedClose = "forced close"
	// ReasonForcedServerClose: the client has sent a packet that is not allowed at this point, such
	// as an event for a namespace that it is not in.
	ReasonForcedServerClose = conn.ReasonForcedServerClose
	// ReasonSlowConsumer: more data waited for the client than the server keeps.
	ReasonSlowConsumer = "slow consumer"
)
