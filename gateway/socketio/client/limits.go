// SPDX-License-Identifier: Apache-2.0

package client

// DefaultMaxNamespaces is the default of Limits.Namespaces.
const DefaultMaxNamespaces = 128

// Limits bound what one client can make a server hold. The limits of the transport, such as the
// size of a message and of the send queue, are fields of engineio.Config. A zero field has its
// default. Sizes are in bytes. docs/reference/limits.md adds all limits up.
type Limits struct {
	// Namespaces is how many namespaces a connection may be in at once; 128 by default. Without a
	// limit, a client could create any number of dynamic namespaces, each with its adapter. Further
	// ones are refused.
	//
	// A server whose limits are set also bounds how fast a connection joins them: a burst of 64
	// more than that, and a quarter of them per second. Otherwise a client could join and leave one
	// after the other without a limit.
	Namespaces int
	// Rooms is how many rooms the sockets of a connection may be in together, not counting those of
	// their own ids; unlimited by default. Join does not check it, since only rooms that clients
	// choose need a limit: a JoinRule calls Socket.CheckJoin, and Socket.TakeJoins bounds how fast
	// rooms are joined. A client whose session would exceed it is not recovered.
	Rooms int
	// RoomNameBytes is the maximum length of a room's name; 1,024 by default. CheckJoin checks it.
	RoomNameBytes int
	// AuthBytes is the maximum size of the auth payload of a CONNECT, which the socket keeps; 16
	// KiB by default. A larger one is refused.
	AuthBytes int
	// IdentityBytes is the maximum size of an identity as JSON, for Socket.SetIdentity; 16 KiB by
	// default.
	IdentityBytes int
	// DataBytes is the maximum size of a socket's data, encoded, for Socket.CheckData; 64 KiB by
	// default. Package cluster never stores more than that for recovery.
	DataBytes int
	// PendingAcks is how many acknowledgements a socket's client may owe; 1,024 by default. Asking
	// for one more returns ErrManyAcks.
	PendingAcks int
	// EarlyEvents is how many events that middlewares emit may wait until the socket is connected;
	// 1,024 by default.
	EarlyEvents int
	// MissedBytes is how much of what the sockets of a connection have missed may wait; 16 MiB by
	// default. Each of them may have missed that much, and a connection may be in many namespaces.
	// A client with more starts a new session.
	MissedBytes int
	// WaitingHandlers is how many handlers of a connection may wait at once, each with its event,
	// while the connection's other events continue; 16 by default. It is for package service, whose
	// manifests let clients start such handlers.
	WaitingHandlers int
}

// DefaultLimits returns the limits of a server for which none are set.
func DefaultLimits() Limits {
	return Limits{
		Namespaces:      DefaultMaxNamespaces,
		RoomNameBytes:   1024,
		AuthBytes:       16 << 10,
		IdentityBytes:   16 << 10,
		DataBytes:       64 << 10,
		PendingAcks:     1024,
		EarlyEvents:     1024,
		MissedBytes:     16 << 20,
		WaitingHandlers: 16,
	}
}

// WithDefaults replaces zero fields by their defaults.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		Namespaces:      positiveOr(l.Namespaces, d.Namespaces),
		Rooms:           positiveOr(l.Rooms, d.Rooms),
		RoomNameBytes:   positiveOr(l.RoomNameBytes, d.RoomNameBytes),
		AuthBytes:       positiveOr(l.AuthBytes, d.AuthBytes),
		IdentityBytes:   positiveOr(l.IdentityBytes, d.IdentityBytes),
		DataBytes:       positiveOr(l.DataBytes, d.DataBytes),
		PendingAcks:     positiveOr(l.PendingAcks, d.PendingAcks),
		EarlyEvents:     positiveOr(l.EarlyEvents, d.EarlyEvents),
		MissedBytes:     positiveOr(l.MissedBytes, d.MissedBytes),
		WaitingHandlers: positiveOr(l.WaitingHandlers, d.WaitingHandlers),
	}
}

func positiveOr(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// Losses counts what slow consumers have lost.
type Losses struct {
	// VolatileEvents is the number of dropped volatile events, counted for each client.
	VolatileEvents uint64
	// SlowConsumers is the number of connections closed with ReasonSlowConsumer.
	SlowConsumers uint64
}
