// SPDX-License-Identifier: Apache-2.0

package socketio

// A 2.x client is not told the id of its socket: it uses the id of its Engine.IO session, which is
// a bearer secret. Its socket therefore has an id of its own, like any other, and only that one is
// shown to others. The id that the client knows is an alias: a second room of the socket's own, so
// that a client that has told its id to another one can be reached by it. The alias is in no list
// of rooms, and no RoomWatcher is told of it.

// ownRooms are the rooms that exist for the socket alone, and that of its user, by which events
// reach it.
func (s *Socket) ownRooms() []string {
	own := []string{s.id}
	if s.conn.IsV2() {
		own = append(own, s.alias())
	}
	if s.namespace.addressing.Load() {
		if id := s.Identity(); id != nil {
			own = append(own, id.Room())
		}
	}
	return own
}

// alias returns the id that a 2.x client takes for that of its socket.
func (s *Socket) alias() string { return s.conn.SocketIDOfV2(s.namespace.name) }

// isAlias reports whether a room is the socket's alias.
func (s *Socket) isAlias(room string) bool { return s.conn.IsV2() && room == s.alias() }
