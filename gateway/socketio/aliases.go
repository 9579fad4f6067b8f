// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/names"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/remote"
)

// What an event consists of. It is in a package of its own, since it knows no sockets.
type (
	// Args are the arguments of an event or an acknowledgement, encoded; see [event.Args] for how to read them.
	Args = event.Args
	// Target says which sockets of a namespace are meant; see [event.Target].
	Target = event.Target
	// Delivery is an event on its way to many; see [event.Delivery].
	Delivery = event.Delivery
	// Receipt reports whether emissions were stored; see [event.Receipt].
	Receipt = event.Receipt
	// Past is what an adapter has to send to a socket before what was held for it; see [event.Past].
	Past = event.Past
	// RoomPolicy says how an Adapter that stores events treats a room; see [event.RoomPolicy].
	RoomPolicy = event.RoomPolicy
	// RoomPolicies is an Adapter that treats rooms by policies; see [event.RoomPolicies].
	RoomPolicies = event.RoomPolicies
	// RoomHistory is an Adapter that keeps histories of rooms; see [event.RoomHistory].
	RoomHistory = event.RoomHistory
	// PastEvent is an event of a room's history; see [event.PastEvent].
	PastEvent = event.PastEvent
)

// What a server knows of a client, and allows it. It is in a package of its own, since it knows no sockets.
type (
	// Handshake is what a client says of itself when it connects; see [client.Handshake].
	Handshake = client.Handshake
	// Identity is who a client is, as whatever has authenticated it states; see [client.Identity].
	Identity = client.Identity
	// ConnectError is a middleware's refusal; see [client.ConnectError].
	ConnectError = client.ConnectError
	// Limits bound what one client can make a server hold; see [client.Limits] for each of them.
	Limits = client.Limits
	// Losses is what clients have lost that did not read what they were sent; see [client.Losses].
	Losses = client.Losses
	// Recovery lets a client that has lost its connection come back as the socket that it was; see [client.Recovery].
	Recovery = client.Recovery
	// Session is what a SessionKeeper has kept of a socket; see [client.Session].
	Session = client.Session
)

// Pattern matches whole names of namespaces; see [names.Pattern].
type Pattern = names.Pattern

// ParsePattern reads a pattern such as `/orders/(?P<id>[0-9]+)`; see [names.ParsePattern].
func ParsePattern(pattern string) (*Pattern, error) { return names.ParsePattern(pattern) }

// What a server sees of the others.
type (
	// RemoteSocket describes a socket on any server, and acts on it there; see [remote.Socket].
	RemoteSocket = remote.Socket
	// ServerSideEvent is an event that another server has sent by ServerSideEmit; see [remote.Event].
	ServerSideEvent = remote.Event
)

// What is in force where Limits and Recovery say nothing.
const (
	DefaultMaxNamespaces    = client.DefaultMaxNamespaces
	DefaultMaxDisconnection = client.DefaultMaxDisconnection
	DefaultMaxMessages      = client.DefaultMaxMessages
	DefaultMaxSessions      = client.DefaultMaxSessions
)

// DefaultLimits are those of a server whose limits nobody has set.
func DefaultLimits() Limits { return client.DefaultLimits() }

// NewArgs encodes values as arguments; see [event.NewArgs] for how.
func NewArgs(values ...any) (Args, error) { return event.NewArgs(values...) }

// NotYet is what Past.Next returns while it waits for the next event.
var NotYet = event.NotYet

// What goes wrong with events, and with sessions that are to be recovered.
var (
	// ErrDisconnected is returned for operations on a socket that has left its namespace.
	ErrDisconnected = event.ErrDisconnected
	// ErrManyAcks is returned if a client that already owes 1,024 acknowledgements (Limits.PendingAcks) is asked for another one.
	ErrManyAcks = event.ErrManyAcks
	// ErrReservedEvent is returned for event names that Socket.IO reserves; see IsReservedEvent.
	ErrReservedEvent = event.ErrReservedEvent
	// ErrNoAck is returned by Event.Ack when the client asked for no acknowledgement, or has got one.
	ErrNoAck = event.ErrNoAck
	// ErrNoHistory is the error for a room of which nothing is kept.
	ErrNoHistory = event.ErrNoHistory
	// ErrUnavailable: the session cannot be recovered now, but perhaps later.
	ErrUnavailable = client.ErrUnavailable
	// ErrSessionEnded: there is none any more.
	ErrSessionEnded = client.ErrSessionEnded
	// ErrTooMuchMissed: the client has missed more than is kept for it.
	ErrTooMuchMissed = client.ErrTooMuchMissed
)

// IsReservedEvent reports whether Socket.IO reserves the name, so that nobody may emit it.
func IsReservedEvent(name string) bool { return event.IsReservedEvent(name) }

// Why a socket has disconnected, as OnDisconnect and OnDisconnecting tell; see [client.ReasonClientDisconnect] and those
// below it for what they mean.
const (
	ReasonClientDisconnect   = client.ReasonClientDisconnect
	ReasonServerDisconnect   = client.ReasonServerDisconnect
	ReasonServerShuttingDown = client.ReasonServerShuttingDown
	ReasonPingTimeout        = client.ReasonPingTimeout
	ReasonTransportClose     = client.ReasonTransportClose
	ReasonTransportError     = client.ReasonTransportError
	ReasonParseError         = client.ReasonParseError
	ReasonForcedClose        = client.ReasonForcedClose
	ReasonForcedServerClose  = client.ReasonForcedServerClose
	ReasonSlowConsumer       = client.ReasonSlowConsumer
)
