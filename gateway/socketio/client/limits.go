// SPDX-License-Identifier: Apache-2.0

package client

// DefaultMaxNamespaces is Limits.Namespaces, unless it is set.
const DefaultMaxNamespaces = 128

// Limits bound what one client can make a server hold. Those of the transport, such as the size of a message
// and of what waits to be sent, are fields of engineio.Config. In a field of Limits, zero stands for its
// default; bytes are bytes. docs/reference/limits.md adds all of them up.
type Limits struct {
	// Namespaces is how many namespaces a connection may be in at once; 128 by default. Of dynamic ones a
	// client could otherwise make as many as it likes, each with its adapter. One more is refused.
	//
	// A server whose limits are set also bounds how fast a connection joins them: 64 more at once, and then
	// a quarter of them in a second. To join and to leave again and again would take them one after the other.
	Namespaces int
	// Rooms is how many rooms the sockets of a connection may be in together, besides those of their own
	// ids; any number by default. Join does not look, since only clients that choose rooms need bounds: a
	// JoinRule asks Socket.CheckJoin, and Socket.TakeJoins tells whether they are joined too fast. A client
	// whose session would be beyond it is not recovered.
	Rooms int
	// RoomNameBytes is how long the name of a room may be; 1,024 by default. CheckJoin looks at it.
	RoomNameBytes int
	// AuthBytes is how large the auth payload of a CONNECT may be, which the socket keeps; 16 KiB by
	// default. A larger one is refused.
	AuthBytes int
	// IdentityBytes is how large Socket.SetIdentity takes an identity, as JSON; 16 KiB by default.
	IdentityBytes int
	// DataBytes is how much Socket.CheckData takes, encoded; 64 KiB by default. Package cluster stores no
	// more than that for a client's return, whatever the limit.
	DataBytes int
	// PendingAcks is how many acknowledgements a socket's client may owe; 1,024 by default. Whoever asks
	// for one more gets ErrManyAcks.
	PendingAcks int
	// EarlyEvents is how many events of middlewares wait for a socket until it is connected; 1,024 by
	// default.
	EarlyEvents int
	// MissedBytes is how much may wait of what the sockets of a connection have missed; 16 MiB by default.
	// Each of them may have missed that much, and a connection may be in many namespaces. A client with
	// more starts a new session.
	MissedBytes int
	// WaitingHandlers is how many handlers of a connection may wait at once while its other events go on,
	// each with its event; 16 by default. It is for package service, whose manifests let clients ask for that.
	WaitingHandlers int
}

// DefaultLimits are those of a server whose limits nobody has set.
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

// WithDefaults fills in what is not set.
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

// Losses is what clients have lost that did not read what they were sent.
type Losses struct {
	// VolatileEvents is how many volatile events were dropped; one for two clients counts twice.
	VolatileEvents uint64
	// SlowConsumers is how many connections were closed with ReasonSlowConsumer.
	SlowConsumers uint64
}
