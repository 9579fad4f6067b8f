// SPDX-License-Identifier: Apache-2.0

package rooms

import "github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"

// Watcher is told of the members of a namespace's rooms on this server, however they join or leave:
// by Join and Leave, by SocketsJoin of another server, or by the end of a connection. Its methods
// are called with the rooms locked, and therefore in the order of the changes: they must return at
// once, and must not use the adapter.
type Watcher[S any] interface {
	// Joined reports a member. It may have been reported before.
	Joined(s S, room string)
	// Left reports a former member.
	Left(s S, room string)
	// Closed reports that the adapter is closed. No call follows.
	Closed()
}

// Watch tells a watcher of all members, and of each change from then on. There is one watcher; nil
// removes it.
func (m *Members[S]) Watch(w Watcher[S]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watcher = w
	if w == nil {
		return
	}
	m.reportTo(w)
}

// Observe is Watch for one more watcher.
func (m *Members[S]) Observe(w Watcher[S]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observer = w
	if w != nil {
		m.reportTo(w)
	}
}

// reportTo reports all members. It is called with mu held.
func (m *Members[S]) reportTo(w Watcher[S]) {
	for name, members := range m.index.Rooms() {
		for _, s := range members {
			m.tell(w, s, name, true)
		}
	}
}

// Watcher returns the watcher that Watch has set; nil if there is none.
func (m *Members[S]) Watcher() Watcher[S] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.watcher
}

// changed is called with mu held.
func (m *Members[S]) changed(s S, name string, joined bool) {
	m.tell(m.watcher, s, name, joined)
	m.tell(m.observer, s, name, joined)
}

// tell tells a watcher, if there is one, except of aliases and of rooms of users.
func (m *Members[S]) tell(w Watcher[S], s S, name string, joined bool) {
	switch {
	case w == nil || m.isAlias(s, name) || userroom.Is(name):
	case joined:
		w.Joined(s, name)
	default:
		w.Left(s, name)
	}
}
