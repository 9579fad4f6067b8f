// SPDX-License-Identifier: Apache-2.0

// Package rooms knows which sockets of a namespace are in which rooms on this server, and tells a watcher of
// each change. It knows a socket by nothing but its own rooms: package socketio delivers to the members.
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
	// isOwn tells whether a room exists for a socket alone, and isAlias whether nobody may be told of it.
	isOwn, isAlias func(s S, room string) bool

	mu sync.RWMutex
	// index is guarded by mu.
	index *roomindex.Index[S]
	// watcher is told of its changes. Guarded by mu.
	watcher Watcher[S]
}

// New returns an empty namespace. isOwn tells whether a room exists for a socket alone, as that of its id does, and
// isAlias whether such a room is one of which nobody is told.
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

// Leave takes a socket out of a room.
func (m *Members[S]) Leave(s S, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index.Leave(s, name)
}

// LeaveAll takes a socket out of all its rooms and out of the namespace.
func (m *Members[S]) LeaveAll(s S) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index.LeaveAll(s)
}

// RoomsOf lists the rooms that a socket is in, in no order; not the alias of a 2.x client, which is secret.
func (m *Members[S]) RoomsOf(s S) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.DeleteFunc(m.index.RoomsOf(s), func(room string) bool { return m.isAlias(s, room) })
}

// CountRooms is how many rooms a socket is in, the alias of a 2.x client included.
func (m *Members[S]) CountRooms(s S) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.CountRooms(s)
}

// Has tells whether a room has a member.
func (m *Members[S]) Has(name string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.index.Members(name)) > 0
}

// Contains tells whether a socket is in a room.
func (m *Members[S]) Contains(s S, name string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.IsIn(s, name)
}

// HasPrefix tells whether a room has a member whose name begins so. It looks at all rooms.
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

// Len is the number of sockets in the namespace.
func (m *Members[S]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.index.Len()
}

// RoomSizes are the rooms that have members, each with how many, but for those that exist for one socket alone. It looks at all.
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

// RoomSize is the number of a room's members.
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

// Each calls do once for every socket that is meant. do must not change rooms.
func (m *Members[S]) Each(t *event.Target, do func(S)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.index.Each(t.Rooms, t.Except, do)
}

// Selected lists the sockets that are meant, including those on their way in.
func (m *Members[S]) Selected(t event.Target) []S {
	var sockets []S
	m.Each(&t, func(s S) { sockets = append(sockets, s) })
	return sockets
}
