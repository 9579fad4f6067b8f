// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/handlers"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// States of a socket, in the order in which it passes them.
const (
	stateConnecting int32 = iota
	stateWelcoming
	stateConnected
	stateClosing
	stateClosed
)

// Socket is a client in one namespace. Its methods may be called from any goroutine and do not block; its handlers
// are called one at a time. It ends with its connection, by Disconnect, or when the client leaves.
type Socket struct {
	id string
	// pid is the private id by which the client asks for its session; empty if it cannot.
	pid       string
	recovered bool
	// ended: the context has ended. acksClosed: nobody can wait for the client any more. Guarded by mu.
	ended, acksClosed bool
	state             atomic.Int32 // one of those above
	namespace         *Namespace
	conn              *conn.Conn[*member]
	lane              *conn.Lane[*member]
	// auth is the client's auth payload, and connected when it came, in nanoseconds since 1970; see Handshake.
	auth      []byte
	connected int64
	handlers  handlers.Socket[*Event, Args]

	// joining is held while rooms are joined, so that no room is joined after the last is left.
	joining sync.Mutex
	// welcoming is held while the client is told that it is connected.
	welcoming sync.Mutex

	mu       sync.Mutex
	data     any      // guarded by mu
	listener Listener // guarded by mu
	acks     ackTable // guarded by mu
	extras   *extras  // what few sockets have, made when it is needed; guarded by mu

	// gate holds what comes in while a client that has come back is told what it has missed; nil otherwise.
	gate atomic.Pointer[backlog.Gate]
}

// ID names the socket, and is a room of which the socket alone is a member. It differs with each connection but for a socket that is
// recovered.
func (s *Socket) ID() string { return s.id }

// Namespace is the one that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Transport is "polling" or "websocket", as of now.
func (s *Socket) Transport() string { return s.conn.Session().Transport() }

// Connected tells whether the socket is still in its namespace.
func (s *Socket) Connected() bool { return s.state.Load() == stateConnected }

// Data is what SetData has stored with the socket.
func (s *Socket) Data() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// SetData stores a value of the application's with the socket. Where clients can be recovered, or other servers fetch sockets, it
// has to be one that can be encoded as JSON, or by Recovery.EncodeData. A client whose socket's data cannot be kept is not recovered;
// CheckData tells. A value that is changed after this call is not kept.
func (s *Socket) SetData(v any) {
	s.mu.Lock()
	s.data = v
	s.mu.Unlock()
	if k := s.namespace.keeper(); k != nil && s.state.Load() <= stateConnected {
		k.Save(s)
	}
}

// JoinWaits reports whether Join is likely to wait, as for another server or a store; see After.
func (s *Socket) JoinWaits(rooms ...string) bool {
	a, ok := s.namespace.adapter.(interface {
		JoinWaits(s *Socket, rooms ...string) bool
	})
	return ok && a.JoinWaits(s, rooms...)
}

// Leave takes the socket out of a room.
func (s *Socket) Leave(room string) { s.namespace.adapter.Leave(s, room) }

// Rooms lists the rooms that the socket is in, its own id among them, in no order.
func (s *Socket) Rooms() []string { return s.namespace.adapter.RoomsOf(s) }

// Disconnect ends the socket: with close the whole connection, without it this namespace alone, and the client
// does not come back by itself.
func (s *Socket) Disconnect(closeConnection bool) {
	s.Settle(func(error) { s.disconnect(closeConnection) })
}

// Settle calls a function exactly once, when it is known whether what the socket has changed until now (rooms, data) is
// stored: at once where clients cannot be recovered, else perhaps later, in another goroutine. The function must not block.
// With a nil error no loss of a server undoes the changes. Otherwise they are not stored: a client that comes back may find
// them undone. A Receipt tells the same of events.
func (s *Socket) Settle(f func(error)) {
	if k := s.namespace.keeper(); k != nil {
		k.Settle(s, f)
		return
	}
	f(nil)
}

func (s *Socket) disconnect(closeConnection bool) {
	switch {
	case !closeConnection: // once: a second DISCONNECT would end the socket with which the client comes back
		s.end(ReasonServerDisconnect, func() {
			s.conn.Send(&parser.Packet{Type: parser.Disconnect, Namespace: s.namespace.name})
		})
	case s.state.Load() == stateConnected:
		s.conn.Disconnect()
	}
}

// connect makes the socket a member of its namespace, and tells the client and the handlers, when it is kept. It runs in the
// socket's turn. A client that knows of its connection is within reach of all servers; one that does not gets no event yet.
func (s *Socket) connect() {
	s.joinOwn(s.ownRooms())
	k := s.namespace.keeper()
	if k == nil || s.conn.IsV2() {
		s.arrive()
		return
	}
	resume, returned := s.Suspend(), false
	defer func() {
		if !returned { // Keep has panicked
			resume(func() {})
		}
	}()
	k.Keep(s, func(pid string) {
		go resume(func() {
			s.pid = pid
			s.arrive()
		})
	})
	returned = true
}

func (s *Socket) arrive() {
	s.welcome()
	s.announce()
}

// welcome tells the client. If it panics the socket counts as connected, so that the end of the
// connection ends it too.
func (s *Socket) welcome() {
	s.welcoming.Lock()
	defer s.welcoming.Unlock()
	s.state.Store(stateWelcoming)
	defer s.state.Store(stateConnected)
	s.conn.Send(s.answer())
}

// announce tells the handlers of the socket.
func (s *Socket) announce() {
	s.sendEarly()
	s.namespace.connected(s)
	if s.namespace.present.Retired() {
		s.Disconnect(false) // removed while the socket was on its way in
	}
}

// arrived tells whether the socket is connected. Whoever comes while the client is being told waits for that, so that nothing
// overtakes the answer to CONNECT, and nothing behind it is lost.
func (s *Socket) arrived() bool {
	if s.state.Load() == stateWelcoming {
		s.welcoming.Lock()
		defer s.welcoming.Unlock()
	}
	return s.Connected()
}

// abandon ends a socket that has not connected. A middleware may have let it join rooms.
func (s *Socket) abandon() {
	s.joining.Lock()
	defer s.joining.Unlock()
	s.state.Store(stateClosed)
	s.endContext()
	s.namespace.adapter.LeaveAll(s)
	s.dropEarly()
	if g := s.gate.Load(); g != nil {
		g.Discard(s.conn.Session())
	}
}

// leaveRooms takes the socket out of all rooms for good. Before that it calls a function.
func (s *Socket) leaveRooms(before func()) {
	s.joining.Lock()
	defer s.joining.Unlock()
	s.state.Store(stateClosed)
	defer s.namespace.adapter.LeaveAll(s)
	before()
}

// close ends a socket whose client knows of that.
func (s *Socket) close(reason string) { s.end(reason, func() {}) }

// end ends the socket, once: it tells the client; then come the handlers for disconnecting, the
// rooms, and the handlers for disconnect.
func (s *Socket) end(reason string, tell func()) {
	if !s.state.CompareAndSwap(stateConnected, stateClosing) {
		return
	}
	tell()
	// Who waits for an answer, or for the context, may be what the connection's handlers wait for.
	s.abandonAcks()
	s.endContext()
	s.conn.Run(s.lane, func() {
		// A handler that panics must not leave the socket in its rooms.
		defer s.gone(reason)
		if l := s.listening(); l != nil {
			l.OnDisconnecting(reason)
		}
		s.handlers.Disconnecting(reason)
	})
}

func (s *Socket) gone(reason string) {
	// The namespace may release its adapter only when the last handler has broadcast its last.
	defer s.namespace.remove(s)
	s.leaveRooms(func() {
		if k := s.namespace.keeper(); k != nil && s.pid != "" {
			k.Release(s, recoverable(reason))
		}
	})
	if l := s.listening(); l != nil {
		l.OnDisconnect(reason)
	}
	s.handlers.Disconnected(reason)
}
