// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/backlog"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/conn"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/early"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/handlers"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// The states of a socket, in the order in which it passes them.
const (
	stateConnecting int32 = iota
	stateWelcoming
	stateConnected
	stateClosing
	stateClosed
)

// Socket is a client in one namespace. Its methods may be called from any goroutine and do not
// block; its handlers are called one at a time. It ends with its connection, by Disconnect, or when
// the client leaves.
type Socket struct {
	id string
	// pid is the private id by which the client asks for recovery; empty if it cannot be recovered.
	pid       string
	recovered bool
	// ended: the context has ended. acksClosed: no acknowledgement can be awaited any more. Guarded
	// by mu.
	ended, acksClosed bool
	state             atomic.Int32 // one of the states above
	namespace         *Namespace
	conn              *conn.Conn[*member]
	lane              *conn.Lane[*member]
	// auth is the client's auth payload, and connected is when it arrived, in nanoseconds since
	// 1970; see Handshake.
	auth      []byte
	connected int64
	handlers  handlers.Socket[*Event, Args]

	// joining is held while the socket joins rooms, so that it joins none after it has left them
	// all.
	joining sync.Mutex
	// welcoming is held while the client is told that it is connected.
	welcoming sync.Mutex

	mu       sync.Mutex
	data     any      // guarded by mu
	listener Listener // guarded by mu
	acks     ackTable // guarded by mu
	extras   *extras  // allocated when needed; guarded by mu

	// gate holds events while a returning client is sent what it has missed; nil otherwise.
	gate atomic.Pointer[backlog.Gate]
}

// ID returns the name of the socket, which is also a room whose only member is the socket. It
// differs for each connection, except for a recovered socket.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace of the socket.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Transport returns the current transport, "polling", "websocket" or "webtransport".
func (s *Socket) Transport() string { return s.conn.Session().Transport() }

// Connected reports whether the socket is still in its namespace.
func (s *Socket) Connected() bool { return s.state.Load() == stateConnected }

// Data returns what SetData has stored with the socket.
func (s *Socket) Data() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// SetData stores a value with the socket. If clients can be recovered, or other servers fetch
// sockets, it must be encodable as JSON, or by Recovery.EncodeData. A client whose data cannot be
// stored is not recovered; CheckData reports that. Changes to the value after this call are not
// stored.
func (s *Socket) SetData(v any) {
	s.mu.Lock()
	s.data = v
	s.mu.Unlock()
	if k := s.namespace.keeper(); k != nil && s.state.Load() <= stateConnected {
		k.Save(s)
	}
}

// JoinWaits reports whether Join is likely to wait for another server or a store; see After.
func (s *Socket) JoinWaits(rooms ...string) bool {
	a, ok := s.namespace.adapter.(interface {
		JoinWaits(s *Socket, rooms ...string) bool
	})
	return ok && a.JoinWaits(s, rooms...)
}

// Leave removes the socket from a room.
func (s *Socket) Leave(room string) { s.namespace.adapter.Leave(s, room) }

// Rooms lists the rooms of the socket, its own id among them, in no order. That of its user is not.
func (s *Socket) Rooms() []string {
	return slices.DeleteFunc(s.namespace.adapter.RoomsOf(s), userroom.Is)
}

// Disconnect ends the socket: with closeConnection the whole connection, otherwise only this
// namespace. The client is told, and does not reconnect by itself.
func (s *Socket) Disconnect(closeConnection bool) {
	s.Settle(func(error) { s.disconnect(closeConnection) })
}

// Settle calls f exactly once, when it is known whether the changes of the socket until now (rooms,
// data) are stored: at once if clients cannot be recovered, otherwise perhaps later, in another
// goroutine. f must not block. With a nil error no loss of a server undoes the changes. Otherwise
// they are not stored: a client that comes back may find them undone. A Receipt reports the same
// for events.
func (s *Socket) Settle(f func(error)) {
	if k := s.namespace.keeper(); k != nil {
		k.Settle(s, f)
		return
	}
	f(nil)
}

func (s *Socket) disconnect(closeConnection bool) {
	switch {
	case !closeConnection: // once: a second DISCONNECT would end the socket with which the client reconnects
		s.end(ReasonServerDisconnect, func() {
			s.conn.Send(&parser.Packet{Type: parser.Disconnect, Namespace: s.namespace.name})
		})
	case s.state.Load() == stateConnected:
		s.conn.Disconnect()
	}
}

// connect adds the socket to its namespace and, when it is stored, tells the client and the
// handlers. It runs in the socket's turn. A client that is told is within reach of all servers;
// before that it gets no events.
func (s *Socket) connect() {
	own := s.ownRooms()
	if s.namespace.addressing.Load() && s.JoinWaits(own...) {
		s.After(func() { s.orLeave(func() { s.joinOwn(own) }) }, func() { s.orLeave(s.keep) })
		return
	}
	s.joinOwn(own)
	s.keep()
}

// orLeave calls a function that connects the socket. If that panics, the socket does not stay.
func (s *Socket) orLeave(f func()) {
	returned := false
	defer func() {
		if !returned && s.state.Load() == stateConnecting {
			s.abandon()
			s.namespace.remove(s)
		}
	}()
	f()
	returned = true
}

// keep has the socket stored, if it is, and then tells the client.
func (s *Socket) keep() {
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

// welcome tells the client that it is connected. After a panic the socket counts as connected, so
// that the end of the connection ends it too.
func (s *Socket) welcome() {
	s.welcoming.Lock()
	defer s.welcoming.Unlock()
	s.state.Store(stateWelcoming)
	defer s.state.Store(stateConnected)
	s.conn.Welcome(s.namespace.name, s.id, s.pid)
}

// announce calls the handlers for a new socket.
func (s *Socket) announce() {
	early.Send(s.takeEarly(), s.emit, s.failed)
	s.namespace.path().Connected(s)
	if s.namespace.present.Retired() {
		s.Disconnect(false) // the namespace was removed meanwhile
	}
}

// arrived reports whether the socket is connected. While the client is being told, it waits for
// that, so that no event overtakes the answer to CONNECT, and none that follows is lost.
func (s *Socket) arrived() bool {
	if s.state.Load() == stateWelcoming {
		s.welcoming.Lock()
		defer s.welcoming.Unlock()
	}
	return s.Connected()
}

// abandon ends a socket that has not connected. It may be in rooms that a middleware has joined.
func (s *Socket) abandon() {
	s.joining.Lock()
	defer s.joining.Unlock()
	s.state.Store(stateClosed)
	s.endContext()
	s.namespace.adapter.LeaveAll(s)
	early.Drop(s.takeEarly())
	if g := s.gate.Load(); g != nil {
		g.Discard(s.conn.Session())
	}
}

// leaveRooms removes the socket from all rooms for good. It calls before first.
func (s *Socket) leaveRooms(before func()) {
	s.joining.Lock()
	defer s.joining.Unlock()
	s.state.Store(stateClosed)
	defer s.namespace.adapter.LeaveAll(s)
	before()
}

// close ends a socket without telling its client.
func (s *Socket) close(reason string) { s.end(reason, func() {}) }

// end ends the socket, once: it tells the client, calls the handlers of OnDisconnecting, leaves the
// rooms, and calls the handlers of OnDisconnect.
func (s *Socket) end(reason string, tell func()) {
	if !s.state.CompareAndSwap(stateConnected, stateClosing) {
		return
	}
	tell()
	// The connection's handlers may wait for code that waits for an acknowledgement or the context.
	s.abandonAcks()
	s.endContext()
	s.conn.RunFirst(s.lane, func() {
		// A handler that panics must not leave the socket in its rooms.
		defer s.gone(reason)
		if l := s.Listener(); l != nil {
			l.OnDisconnecting(reason)
		}
		s.handlers.Disconnecting(reason)
	})
}

func (s *Socket) gone(reason string) {
	// The namespace may release its adapter only after the last handler's last broadcast.
	defer s.namespace.remove(s)
	s.leaveRooms(func() {
		if k := s.namespace.keeper(); k != nil && s.pid != "" {
			// Who has left the namespace, or was disconnected from it, does not come back.
			k.Release(s, reason != ReasonClientDisconnect && reason != ReasonServerDisconnect)
		}
	})
	s.conn.Left()
	if l := s.Listener(); l != nil {
		l.OnDisconnect(reason)
	}
	s.handlers.Disconnected(reason)
}
