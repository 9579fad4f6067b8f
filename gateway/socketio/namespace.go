// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/handlers"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/roll"
)

// Namespace is a separate channel on the connections of a server. Safe for concurrent use.
type Namespace struct {
	server  *Server
	name    string
	adapter Adapter
	// parent is the parent of a dynamic namespace; nil if it has none. It is set once.
	parent atomic.Pointer[ParentNamespace]
	params map[string]string
	// suitors are the parents that have to see a client to decide whether the namespace, which Of
	// has created without a parent, is theirs.
	suitors []*ParentNamespace
	ackIDs  atomic.Uint64
	doors   handlers.Doors[*Socket]
	// addressing reports whether sockets join the rooms of their users.
	addressing atomic.Bool
	entrance   handlers.Entrance[*Socket]
	present    roll.Roll[*Socket]

	mu           sync.RWMutex
	onServerSide handlers.ByName[func(*ServerSideEvent)] // guarded by mu
}

// Name returns the name, such as "/" or "/chat".
func (n *Namespace) Name() string { return n.name }

// Server returns the server of the namespace.
func (n *Namespace) Server() *Server { return n.server }

// Adapter returns the adapter, which keeps the rooms of the namespace.
func (n *Namespace) Adapter() Adapter { return n.adapter }

// Param returns the match of a named group of the pattern in a dynamic namespace's name; see
// Server.OfPattern.
func (n *Namespace) Param(group string) string { return n.params[group] }

// Use adds a middleware. If it returns an error, the client is refused with connect_error.
// Middlewares run in order, before the connection handlers.
func (n *Namespace) Use(f func(*Socket) error) { n.entrance.Use(f) }

// SetAuthenticator sets what judges clients before all middlewares: it says at once why one is
// refused (nil: it is not), or returns a function that waits for that. While that blocks, only the
// client's packets for the namespace wait. It can be replaced, and nil removes it.
func (n *Namespace) SetAuthenticator(f func(*Socket) (wait func() error, err error)) {
	n.entrance.SetGuard(f)
}

// AddressUsers has new sockets join the room of their user, Identity.Room, if they have one. Those
// that are there, or come back from before, join it by Join. They leave it when they disconnect.
func (n *Namespace) AddressUsers(on bool) { n.addressing.Store(on) }

// OnConnection adds a handler for each socket that connects.
func (n *Namespace) OnConnection(f func(*Socket)) { n.entrance.OnConnection(f) }

// Len returns the number of sockets on this server.
func (n *Namespace) Len() int { return n.present.Len() }

// Sockets lists the connected sockets of this server, in no order; FetchSockets describes those of
// all servers.
func (n *Namespace) Sockets() []*Socket {
	return slices.DeleteFunc(n.present.All(), func(s *Socket) bool { return !s.arrived() })
}

// Rooms returns the number of members of each room on this server, but for those of ids and users.
// In(room).FetchSockets finds members on all servers.
func (n *Namespace) Rooms() map[string]int { return n.adapter.RoomSizes() }

// RoomSize returns the number of a room's members on this server.
func (n *Namespace) RoomSize(room string) int { return n.adapter.RoomSize(room) }

// Socket returns the socket with an id, nil if it is not connected to this server.
func (n *Namespace) Socket(id string) *Socket {
	if s := n.present.Get(id); s != nil && s.arrived() {
		return s
	}
	return nil
}

// belongTo sets the parent of the namespace. The server's lock is held.
func (n *Namespace) belongTo(p *ParentNamespace) {
	n.parent.Store(p)
	p.made(n)
}

// nextAckID numbers the acknowledgements of all sockets, since a broadcast has one number for all
// its receivers.
func (n *Namespace) nextAckID() uint64 { return n.ackIDs.Add(1) - 1 }

// path are the entrances that sockets of the namespace pass.
func (n *Namespace) path() handlers.Path[*Socket] {
	if p := n.parent.Load(); p != nil {
		return handlers.Path[*Socket]{Parent: &p.entrance, Own: &n.entrance}
	}
	return handlers.Path[*Socket]{Own: &n.entrance}
}

// add adds the socket to the namespace, unless the namespace has been removed meanwhile, or the
// socket superseded: then another socket with its id is there already, or comes later.
func (n *Namespace) add(s *Socket) bool {
	return s.state.Load() != stateClosed && n.present.Add(s.id, s)
}

// leave undoes Enter for a socket that was not added.
func (n *Namespace) leave() { n.left(n.present.Leave(n.isTransient())) }

// remove removes a socket after its last handler has run.
func (n *Namespace) remove(s *Socket) { n.left(n.present.Remove(s.id, s, n.isTransient())) }

// isTransient reports whether the namespace is removed with its last socket.
func (n *Namespace) isTransient() bool { return n.parent.Load() != nil && n.server.cleanup }

// left is called when a socket has left; last is true if it was the last one of a removed
// namespace.
func (n *Namespace) left(last bool) {
	if last {
		n.server.namespaces.Forget(n.name, n)
		n.closeAdapter()
	}
}

func (n *Namespace) retire() {
	sockets, unused := n.present.Retire()
	if unused {
		n.closeAdapter()
	}
	for _, s := range sockets {
		s.Disconnect(false)
	}
}

// closeAdapter is called once: no socket enters a retired namespace, and the last one leaves once.
func (n *Namespace) closeAdapter() {
	if err := n.adapter.Close(); err != nil {
		n.server.log.Error("close the adapter of a removed namespace", "namespace", n.name, "error", err)
	}
}
