// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// leftovers are what sockets have used that have left a connection which goes on, by the names of
// their namespaces. Without them, a client could leave a namespace and join it, or another, to have
// a full burst. What is used is taken from here as long as there is any, so that a connection has
// no more of it than it has had sockets at once.
type leftovers struct {
	mu   sync.Mutex
	used map[string]*limits.Socket
}

// keep keeps what a socket has used, which is closed, for the next ones of the connection.
func (k *Keeper) keep(s *socketio.Socket, used *limits.Socket) {
	ctx := s.ConnectionContext()
	if ctx.Err() != nil || used.FullAt() <= k.Users.Now() {
		return
	}
	connection := s.Connection()
	v, found := k.left.LoadOrStore(connection, &leftovers{used: map[string]*limits.Socket{}})
	if !found {
		context.AfterFunc(ctx, func() { k.left.Delete(connection) })
	}
	l := v.(*leftovers)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used[s.Namespace().Name()] = used
}

// take returns what the last socket of the namespace has left, or what another one has: that which
// will be earned again first.
func (k *Keeper) take(s *socketio.Socket) *limits.Socket {
	v, ok := k.left.Load(s.Connection())
	if !ok {
		return limits.NewSocket(nil)
	}
	l := v.(*leftovers)
	l.mu.Lock()
	defer l.mu.Unlock()
	name := s.Namespace().Name()
	if l.used[name] == nil {
		name = l.fullest()
	}
	used := l.used[name]
	delete(l.used, name)
	if used == nil {
		return limits.NewSocket(nil)
	}
	return used
}

// fullest is called with the lock held.
func (l *leftovers) fullest() (name string) {
	for other, used := range l.used {
		if name == "" || used.FullAt() < l.used[name].FullAt() {
			name = other
		}
	}
	return name
}
