// SPDX-License-Identifier: Apache-2.0

package socketio

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"

// SetLimits sets the limits of all connections. Clients keep what exceeds them already.
func (s *Server) SetLimits(l Limits) {
	s.host.Limits.Store(&conn.Limits{Limits: l.WithDefaults(), Paced: true})
}

// Limits returns the limits in force, with their defaults.
func (s *Server) Limits() Limits { return s.host.Limits.Load().Limits }

// limits returns the limits in force.
func (s *Socket) limits() *Limits { return &s.namespace.server.host.Limits.Load().Limits }

// RoomsLeft returns how many more rooms the sockets of the connection may join; bounded is false if
// there is no limit.
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

// joined returns the number of the socket's rooms without its own and its user's.
func (s *Socket) joined() int { return max(0, s.namespace.adapter.CountRooms(s)-len(s.ownRooms())) }

// fitsRooms reports whether the rooms of a recovered socket are within the limit.
func (s *Socket) fitsRooms() bool {
	left, bounded := s.RoomsLeft()
	return !bounded || left >= 0
}

// Losses returns what clients have lost since the server was made.
func (s *Server) Losses() Losses {
	return Losses{VolatileEvents: s.volatileEvents.Load(), SlowConsumers: s.host.SlowConsumers.Load()}
}

// QueueVolatile decides whether volatile events are queued like others for clients that cannot take
// them at once, up to the engine's MaxQueueBytes and MaxQueueMessages, beyond which a client is
// disconnected. By default such events are dropped. It applies to all connections, from the next
// event on.
func (s *Server) QueueVolatile(queue bool) { s.queueVolatile.Store(queue) }

// takes reports whether an event is to be sent to the socket. It counts dropped events.
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

// TakeJoins reports whether the connection may join rooms now, and counts those that the socket is
// not in. It allows a burst of Limits.Rooms and 100 more, and a tenth of that per second, but at
// least 10: this bounds the cost of joining and leaving again and again, which Limits.Rooms does
// not. Like RoomsLeft it is for code that lets clients choose rooms, and is called by handlers.
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
