// SPDX-License-Identifier: Apache-2.0

package socketio

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"

// SetLimits puts limits in force, for all connections. What is beyond them already stays.
func (s *Server) SetLimits(l Limits) {
	s.host.Limits.Store(&conn.Limits{Limits: l.WithDefaults(), Paced: true})
}

// Limits are those in force, with their defaults filled in.
func (s *Server) Limits() Limits { return s.host.Limits.Load().Limits }

// limits are those in force, as they concern the socket.
func (s *Socket) limits() *Limits { return &s.namespace.server.host.Limits.Load().Limits }

// RoomsLeft is how many more rooms the sockets of the connection may join; bounded is false if that is any
// number.
func (s *Socket) RoomsLeft() (left int, bounded bool) {
	l := s.limits()
	if l.Rooms == 0 {
		return 0, false
	}
	left = l.Rooms - s.joined()
	for _, other := range s.conn.Sockets() {
		if other := (*Socket)(other); other != s && other.state.Load() != stateClosed {
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

// Losses counts since the server was made.
func (s *Server) Losses() Losses {
	return Losses{VolatileEvents: s.volatileEvents.Load(), SlowConsumers: s.host.SlowConsumers.Load()}
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
	server := s.namespace.server
	if !volatile || s.conn.Session().Writable() || server.queueVolatile.Load() {
		return true
	}
	server.volatileEvents.Add(1)
	return false
}

// TakeJoins tells whether the connection may join rooms now, and counts those of them that it is not in: all that Limits.Rooms lets it
// be in and 100 more at once, and a tenth of that, but 10 at least, in each second. To join and to leave again and again would take it
// beyond what it is in at a time.
// Like RoomsLeft it is for who lets clients choose rooms, and is called by handlers.
func (s *Socket) TakeJoins(rooms ...string) bool {
	l := s.limits()
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
	return s.conn.TakeJoins(n)
}
