// SPDX-License-Identifier: Apache-2.0

package socketio

// RoomWatcher learns who is in which room of a namespace on this server, in whatever way he comes or goes: by Join and Leave, by
// SocketsJoin of another server, by the end of his connection. Its methods are called with the rooms locked, so in the
// order in which rooms change: they must return at once, and must not use the adapter.
type RoomWatcher interface {
	// Joined tells of a member. It may be one that has been told of before.
	Joined(s *Socket, room string)
	// Left tells of a member that is none any more.
	Left(s *Socket, room string)
	// Closed ends it: the adapter is closed.
	Closed()
}

// Watch tells a watcher of all members, and of each change from then on. There is one watcher; nil ends it.
func (r *Rooms) Watch(w RoomWatcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watcher = w
	if w == nil {
		return
	}
	for name, rm := range r.rooms {
		for _, s := range rm.members {
			r.joinedRoom(s, name)
		}
	}
}

// Watcher is the one that Watch has been given; nil if none.
func (r *Rooms) Watcher() RoomWatcher {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.watcher
}

// joinedRoom and leftRoom are called with mu held. Nobody is told of an alias.
func (r *Rooms) joinedRoom(s *Socket, name string) {
	if r.watcher != nil && !s.isAlias(name) {
		r.watcher.Joined(s, name)
	}
}

func (r *Rooms) leftRoom(s *Socket, name string) {
	if r.watcher != nil && !s.isAlias(name) {
		r.watcher.Left(s, name)
	}
}
