// SPDX-License-Identifier: Apache-2.0

// Package rooms knows the rooms of a namespace's sockets on this server, and tells a watcher of
// each change. It knows nothing of a socket but its own rooms: package socketio delivers to the
// members.
package rooms

import (
	"slices"
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/roomindex"
)

// Members are the sockets of a namespace and their rooms. Safe for concurrent use.
type Members[S comparable] struct {
	// isOwn reports whether a room exists for a socket alone, or for its user, and isAlias whether
	// such a room is a secret.
	isOwn, isAlias func(s S, room string) bool

	mu sync.RWMutex
	// index is guarded by mu.
	index *roomindex.Index[S]
	// watcher is told of changes of the index. Guarded by mu.
	watcher Watcher[S]
	// observer is told too. Guarded by mu.
	observer Watcher[S]
}

// New returns an empty namespace. isOwn reports whether a room exists for a socket alone, like that
// of its id, or for its user, and isAlias whether such a room is kept secret.
func New[S comparable](isOwn, isAlias func(s S, room string) bool) *Members[S] {
	m := &Members[S]{isOwn: isOwn, isAlias: isAlias}
	m.index = roomindex.New(m.changed)
	return m
}

// Join puts a socket into rooms; the first call also makes it a member of the namespace.
func (m *Members[S]) Join(s S, names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index.Join(s, names...)
}

// Leave removes a socket from a room.
func (m *Members[S]) Leave(s S, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index.Leave(s, name)
}

// LeaveAll removes a socket from all its rooms and from the namespace.
func (m *Members[S]) LeaveAll(s S) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index.LeaveAll(s)
}

// RoomsOf lists the rooms of a socket, in no order, with that of its user, and without the alias of
// a 2.x client, which is secret.
func (m *Members[S]) RoomsOf(s S) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.DeleteFunc(m.index.RoomsOf(s), func(room string) bool { return m.isAlias(s, room) })
}

// CountRooms returns the number of a socket's rooms, including the alias of a 2.x client and the
// room of its user.
func (m *Members[S]) CountRooms(s S) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.CountRooms(s)
}

// Has reports whether a room has a member.
func (m *Members[S]) Has(name string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.index.Members(name)) > 0
}

// Contains reports whether a socket is in a room.
func (m *Members[S]) Contains(s S, name string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.IsIn(s, name)
}

// HasPrefix reports whether a room with that prefix has a member. It visits all rooms.
func (m *Members[S]) HasPrefix(prefix string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for name := range m.index.Rooms() {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Len returns the number of sockets in the namespace.
func (m *Members[S]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.Len()
}

// RoomSizes returns the number of members of each room, without those of users and those that exist
// for one socket alone. It visits all rooms.
func (m *Members[S]) RoomSizes() map[string]int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	sizes := map[string]int{}
	for name, members := range m.index.Rooms() {
		if !slices.ContainsFunc(members, func(s S) bool { return m.isOwn(s, name) }) {
			sizes[name] = len(members)
		}
	}
	return sizes
}

// RoomSize returns the number of a room's members.
func (m *Members[S]) RoomSize(name string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.index.Members(name))
}

// Names lists the rooms that have members, in no order.
func (m *Members[S]) Names() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.Names()
}

// Each calls do once for every selected socket. do must not change rooms.
func (m *Members[S]) Each(t *event.Target, do func(S)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.index.Each(t.Rooms, t.Except, do)
}

// Selected returns the selected sockets, including those that are still connecting.
func (m *Members[S]) Selected(t event.Target) []S {
	var sockets []S
	m.Each(&t, func(s S) { sockets = append(sockets, s) })
	return sockets
}
