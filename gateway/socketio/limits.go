// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/bounds"
)

// DefaultMaxNamespaces is Limits.Namespaces, unless it is set.
const DefaultMaxNamespaces = 128

// How many more namespaces and rooms a connection may join at once than it may be in: some are left, and others joined.
const (
	moreNamespaces = 64
	moreRooms      = 100
)

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

// withDefaults fills in what is not set.
func (l Limits) withDefaults() Limits {
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

// limitsInForce are those of a server.
type limitsInForce struct {
	Limits
	// paced: somebody has set them, so that they bound how fast namespaces and rooms are joined, too. An
	// application's own server has no such bound, as the reference has none.
	paced bool
}

// SetLimits puts limits in force, for all connections. What is beyond them already stays.
func (s *Server) SetLimits(l Limits) { s.limits.Store(&limitsInForce{l.withDefaults(), true}) }

// Limits are those in force, with their defaults filled in.
func (s *Server) Limits() Limits { return s.limits.Load().Limits }

// RoomsLeft is how many more rooms the sockets of the connection may join; bounded is false if that is any
// number.
func (s *Socket) RoomsLeft() (left int, bounded bool) {
	l := s.conn.server.limits.Load()
	if l.Rooms == 0 {
		return 0, false
	}
	left = l.Rooms - s.joined()
	for _, other := range s.conn.all() {
		if other != s && other.state.Load() != stateClosed {
			left -= other.joined()
		}
	}
	return left, true
}

// joined is how many rooms the socket is in besides its own.
func (s *Socket) joined() int { return max(0, s.namespace.adapter.CountRooms(s)-len(s.ownRooms())) }

// fitsRooms tells whether the rooms of a socket that has come back are within the limit.
func (s *Socket) fitsRooms() bool {
	left, bounded := s.RoomsLeft()
	return !bounded || left >= 0
}

// losses counts what clients lose that do not read. Safe for concurrent use.
type losses struct {
	volatileEvents, slowConsumers atomic.Uint64
}

// Losses is what clients have lost that did not read what they were sent.
type Losses struct {
	// VolatileEvents is how many volatile events were dropped; one for two clients counts twice.
	VolatileEvents uint64
	// SlowConsumers is how many connections were closed with ReasonSlowConsumer.
	SlowConsumers uint64
}

// Losses counts since the server was made.
func (s *Server) Losses() Losses {
	return Losses{VolatileEvents: s.losses.volatileEvents.Load(), SlowConsumers: s.losses.slowConsumers.Load()}
}

// QueueVolatile says whether volatile events wait like others for clients that cannot take them at once, up to the engine's
// MaxQueueBytes and MaxQueueMessages, beyond which a client is disconnected. By default such events are dropped. It holds from the next event
// on, for all connections.
func (s *Server) QueueVolatile(queue bool) { s.queueVolatile.Store(queue) }

// takes tells whether an event is to be sent to the socket. It counts one that is dropped.
func (s *Socket) takes(volatile bool) bool {
	if !s.arrived() {
		return false
	}
	server := s.conn.server
	if !volatile || s.conn.session.Writable() || server.queueVolatile.Load() {
		return true
	}
	server.losses.volatileEvents.Add(1)
	return false
}

// TakeJoins tells whether the connection may join rooms now, and counts those of them that it is not in: all that Limits.Rooms lets it
// be in and 100 more at once, and a tenth of that, but 10 at least, in each second. To join and to leave again and again would take it
// beyond what it is in at a time.
// Like RoomsLeft it is for who lets clients choose rooms, and is called by handlers.
func (s *Socket) TakeJoins(rooms ...string) bool {
	l := s.conn.server.limits.Load()
	if l.Rooms == 0 {
		return true
	}
	n := 0
	for _, room := range rooms {
		if !s.namespace.adapter.Contains(s, room) {
			n++
		}
	}
	if n == 0 {
		return true
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.needRare().paced.joins.Take(time.Now(), n, max(10, l.Rooms/10), l.Rooms+moreRooms)
}

// takeConnect tells whether the connection may join another namespace now: as many as it may be in and 64 more at once, and a
// quarter of that, but 4 at least, in each second. The lock is held.
func (c *connection) takeConnect(now time.Time) bool {
	if !c.greeted { // most join one and no more, and keep no bucket
		c.greeted = true
		return true
	}
	l := c.server.limits.Load()
	if !l.paced {
		return true
	}
	return c.needRare().paced.connects.Take(now, 1, max(4, l.Namespaces/4), l.Namespaces+moreNamespaces)
}

// buckets are what bounds how fast a connection does what is not free.
type buckets struct{ connects, joins bounds.Bucket }
