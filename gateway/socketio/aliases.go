// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/names"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/remote"
)

// The parts of an event. They are in a package of their own that knows no sockets.
type (
	// Args are the encoded arguments of an event or an acknowledgement; see [event.Args].
	Args = event.Args
	// Target selects sockets of a namespace; see [event.Target].
	Target = event.Target
	// Delivery is a broadcast event; see [event.Delivery].
	Delivery = event.Delivery
	// Receipt reports whether events were stored; see [event.Receipt].
	Receipt = event.Receipt
	// Past is what an adapter sends to a socket before the events that were held for it; see
	// [event.Past].
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

// What a server knows of a client, and its limits. They are in a package of their own that knows no
// sockets.
type (
	// Handshake is the information with which a client connects; see [client.Handshake].
	Handshake = client.Handshake
	// Identity is the authenticated user of a client; see [client.Identity].
	Identity = client.Identity
	// ConnectError is a middleware's refusal; see [client.ConnectError].
	ConnectError = client.ConnectError
	// Limits bound what one client can make a server hold; see [client.Limits].
	Limits = client.Limits
	// Losses counts what slow consumers have lost; see [client.Losses].
	Losses = client.Losses
	// Recovery enables connection state recovery; see [client.Recovery].
	Recovery = client.Recovery
	// Session is what a SessionKeeper has stored of a socket; see [client.Session].
	Session = client.Session
)

// Pattern matches whole names of namespaces; see [names.Pattern].
type Pattern = names.Pattern

// ParsePattern parses a pattern such as `/orders/(?P<id>[0-9]+)`; see [names.ParsePattern].
func ParsePattern(pattern string) (*Pattern, error) { return names.ParsePattern(pattern) }

// Sockets and events of other servers.
type (
	// RemoteSocket describes a socket on any server, and acts on it there; see [remote.Socket].
	RemoteSocket = remote.Socket
	// ServerSideEvent is an event that another server has sent by ServerSideEmit; see
	// [remote.Event].
	ServerSideEvent = remote.Event
)

// Defaults of Limits and Recovery.
const (
	DefaultMaxNamespaces    = client.DefaultMaxNamespaces
	DefaultMaxDisconnection = client.DefaultMaxDisconnection
	DefaultMaxMessages      = client.DefaultMaxMessages
	DefaultMaxSessions      = client.DefaultMaxSessions
)

// DefaultLimits returns the limits of a server for which none are set.
func DefaultLimits() Limits { return client.DefaultLimits() }

// NewArgs encodes values as arguments; see [event.NewArgs].
func NewArgs(values ...any) (Args, error) { return event.NewArgs(values...) }

// NotYet is what Past.Next returns while it waits for the next event.
var NotYet = event.NotYet

// Errors of events and of recovery.
var (
	// ErrDisconnected is returned for operations on a socket that has left its namespace.
	ErrDisconnected = event.ErrDisconnected
	// ErrManyAcks is returned if a client that already owes 1,024 acknowledgements
	// (Limits.PendingAcks) is asked for another one.
	ErrManyAcks = event.ErrManyAcks
	// ErrReservedEvent is returned for event names that Socket.IO reserves; see IsReservedEvent.
	ErrReservedEvent = event.ErrReservedEvent
	// ErrNoAck is returned by Event.Ack if the client asked for no acknowledgement, or has received
	// one.
	ErrNoAck = event.ErrNoAck
	// ErrIdentitySet and ErrOtherUser are errors of Socket.SetIdentity and Socket.RenewIdentity.
	ErrIdentitySet = client.ErrIdentitySet
	ErrOtherUser   = client.ErrOtherUser
	// ErrNoHistory is returned for a room without a history.
	ErrNoHistory = event.ErrNoHistory
	// ErrUnavailable: the session cannot be recovered now, but perhaps later.
	ErrUnavailable = client.ErrUnavailable
	// ErrSessionEnded: the session no longer exists.
	ErrSessionEnded = client.ErrSessionEnded
	// ErrTooMuchMissed: the client has missed more than is stored for it.
	ErrTooMuchMissed = client.ErrTooMuchMissed
)

// IsReservedEvent reports whether Socket.IO reserves the name, so that nobody may emit it.
func IsReservedEvent(name string) bool { return event.IsReservedEvent(name) }

// The reasons that OnDisconnect and OnDisconnecting report. [client.ReasonClientDisconnect] and the
// constants below it have their meaning.
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
