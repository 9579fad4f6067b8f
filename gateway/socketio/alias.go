// SPDX-License-Identifier: Apache-2.0

package socketio

// A 2.x client is not told the id of its socket: it takes the id of its Engine.IO session for it,
// which is a bearer secret. So its socket has an id of its own, as any other, and only that one is
// shown to others. The id that the client knows is an alias: a second room of the socket's own, so
// that a client which has told its id to another is reached by it. No list of rooms has the alias,
// and no RoomWatcher hears of it.

// ownRooms are the rooms that exist for the socket alone.
func (s *Socket) ownRooms() []string {
	if !s.conn.isV2() {
		return []string{s.id}
	}
	return []string{s.id, s.alias()}
}

// alias is the id that a 2.x client takes for that of its socket: the session's, with the namespace
// in front if that is not the main one.
func (s *Socket) alias() string {
	if s.namespace.name == "/" {
		return s.conn.session.ID()
	}
	return s.namespace.name + "#" + s.conn.session.ID()
}

// isAlias reports whether a room is the socket's alias. Stand-ins for clients that are away have no
// connection, and no alias.
func (s *Socket) isAlias(room string) bool {
	return s.conn != nil && s.conn.isV2() && room == s.alias()
}
