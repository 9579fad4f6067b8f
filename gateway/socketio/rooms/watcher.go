// SPDX-License-Identifier: Apache-2.0

package rooms

// Watcher learns who is in which room of a namespace on this server, in whatever way he comes or goes: by Join and Leave, by
// SocketsJoin of another server, by the end of his connection. Its methods are called with the rooms locked, so in the
// order in which rooms change: they must return at once, and must not use the adapter.
type Watcher[S any] interface {
	// Joined tells of a member. It may be one that has been told of before.
	Joined(s S, room string)
	// Left tells of a member that is none any more.
	Left(s S, room string)
	// Closed ends it: the adapter is closed.
	Closed()
}

// Watch tells a watcher of all members, and of each change from then on. There is one watcher; nil ends it.
func (m *Members[S]) Watch(w Watcher[S]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watcher = w
	if w == nil {
		return
	}
	for name, members := range m.index.Rooms() {
		for _, s := range members {
			m.changed(s, name, true)
		}
	}
}

// Watcher is the one that Watch has been given; nil if none.
func (m *Members[S]) Watcher() Watcher[S] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.watcher
}

// changed is called with mu held. Nobody is told of an alias.
func (m *Members[S]) changed(s S, name string, joined bool) {
	switch {
	case m.watcher == nil || m.isAlias(s, name):
	case joined:
		m.watcher.Joined(s, name)
	default:
		m.watcher.Left(s, name)
	}
}
