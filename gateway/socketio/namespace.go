// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"
)

// Namespace is a channel of its own on the connections of a server. Safe for concurrent use.
type Namespace struct {
	server  *Server
	name    string
	adapter Adapter

	mu           sync.RWMutex
	middlewares  []func(*Socket) error // guarded by mu
	onConnection []func(*Socket)       // guarded by mu
	sockets      map[string]*Socket    // by id; guarded by mu
	retired      bool                  // guarded by mu
}

// Name is "/" or "/chat".
func (n *Namespace) Name() string { return n.name }

// Adapter keeps the rooms of the namespace.
func (n *Namespace) Adapter() Adapter { return n.adapter }

// Use adds a middleware: an error refuses the client with connect_error. Middlewares run in order, before the connection
// handlers.
func (n *Namespace) Use(f func(*Socket) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.middlewares = append(n.middlewares, f)
}

// OnConnection adds a handler for each socket that connects.
func (n *Namespace) OnConnection(f func(*Socket)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onConnection = append(n.onConnection, f)
}

// Len is the number of sockets on this server.
func (n *Namespace) Len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.sockets)
}

// Emit sends an event to every socket of the namespace. See NewArgs for values.
func (n *Namespace) Emit(event string, values ...any) error {
	return n.everyone().Emit(event, values...)
}

// EmitArgs is Emit with arguments that are encoded already.
func (n *Namespace) EmitArgs(event string, args Args) error {
	return n.everyone().EmitArgs(event, args)
}

// To aims at the members of rooms.
func (n *Namespace) To(rooms ...string) *Broadcast { return n.everyone().To(rooms...) }

// Except aims at everybody but the members of rooms.
func (n *Namespace) Except(rooms ...string) *Broadcast { return n.everyone().Except(rooms...) }

func (n *Namespace) everyone() *Broadcast { return &Broadcast{namespace: n} }

// authorize runs the middlewares.
func (n *Namespace) authorize(s *Socket) error {
	n.mu.RLock()
	middlewares := n.middlewares
	n.mu.RUnlock()
	for _, f := range middlewares {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// add makes the socket one of the namespace's, unless that has been removed meanwhile.
func (n *Namespace) add(s *Socket) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.retired {
		return false
	}
	n.sockets[s.id] = s
	return true
}

func (n *Namespace) connected(s *Socket) {
	n.mu.RLock()
	handlers := n.onConnection
	n.mu.RUnlock()
	for _, f := range handlers {
		f(s)
	}
}

// remove forgets a socket whose last handler has run; the last one out of a removed namespace closes the adapter.
func (n *Namespace) remove(s *Socket) {
	n.mu.Lock()
	delete(n.sockets, s.id)
	last := n.retired && len(n.sockets) == 0
	n.mu.Unlock()
	if last {
		n.closeAdapter()
	}
}

func (n *Namespace) retire() {
	n.mu.Lock()
	n.retired = true
	sockets := make([]*Socket, 0, len(n.sockets))
	for _, s := range n.sockets {
		sockets = append(sockets, s)
	}
	n.mu.Unlock()
	if len(sockets) == 0 {
		n.closeAdapter()
		return
	}
	for _, s := range sockets {
		s.Disconnect(false)
	}
}

func (n *Namespace) isRetired() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.retired
}

func (n *Namespace) closeAdapter() {
	if err := n.adapter.Close(); err != nil {
		n.server.log.Error("close the adapter of a removed namespace", "namespace", n.name, "error", err)
	}
}
