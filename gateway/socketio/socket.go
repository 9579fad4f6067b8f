// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Reasons for which a socket leaves its namespace, beside those for which its connection closes (engineio.CloseReason).
const (
	reasonClientDisconnect = "client namespace disconnect"
	reasonServerDisconnect = "server namespace disconnect"
)

// States of a socket, in the order in which it passes them.
const (
	stateConnecting int32 = iota
	stateConnected
	stateClosing
	stateClosed
)

// Handshake is what is known of a client from its first request and its CONNECT packet. Not to be changed.
type Handshake struct {
	// Auth is the client's auth payload, a JSON object; {} when it gave none.
	Auth json.RawMessage
	// Query are the parameters of the connection's first request.
	Query url.Values
	// Headers are those of the connection's first request.
	Headers http.Header
	// Address is the IP address that the connection came from.
	Address string
	// Time is when the socket connected.
	Time time.Time
	// Secure tells whether the first request came by TLS.
	Secure bool
}

// Socket is a client in one namespace. Its methods may be called from any goroutine and do not block; its handlers
// are called one at a time. It ends with its connection, by Disconnect, or when the client leaves.
type Socket struct {
	id        string
	namespace *Namespace
	conn      *connection
	handshake Handshake
	state     atomic.Int32

	// joining is held while rooms are joined, so that no room is joined after the last is left.
	joining sync.Mutex

	mu              sync.Mutex
	data            any                       // guarded by mu
	on              map[string][]func(*Event) // guarded by mu
	onAny           []func(*Event)            // guarded by mu
	onDisconnecting []func(string)            // guarded by mu
	onDisconnect    []func(string)            // guarded by mu
	acks            ackTable                  // guarded by mu
}

func newSocket(c *connection, ns *Namespace, auth []byte) *Socket {
	if len(auth) == 0 {
		auth = []byte("{}")
	}
	first := c.session.Handshake()
	return &Socket{
		id:        c.server.newSocketID(),
		namespace: ns,
		conn:      c,
		handshake: Handshake{
			Auth:    auth,
			Query:   first.Query,
			Headers: first.Header,
			Address: first.Address,
			Time:    time.Now(),
			Secure:  first.Secure,
		},
	}
}

// ID names the socket; it differs with each connection, and is a room of which the socket alone is a member.
func (s *Socket) ID() string { return s.id }

// Namespace is the one that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Handshake is what is known of the client.
func (s *Socket) Handshake() *Handshake { return &s.handshake }

// Transport is "polling" or "websocket", as of now.
func (s *Socket) Transport() string { return s.conn.session.Transport() }

// Connected tells whether the socket is still in its namespace.
func (s *Socket) Connected() bool { return s.state.Load() == stateConnected }

// Data is what SetData has stored with the socket.
func (s *Socket) Data() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// SetData stores a value of the application's with the socket.
func (s *Socket) SetData(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = v
}

// Join puts the socket into rooms. It returns when events to them reach it from all servers.
func (s *Socket) Join(rooms ...string) {
	s.joining.Lock()
	defer s.joining.Unlock()
	if s.state.Load() <= stateConnected {
		s.namespace.adapter.Join(s, rooms...)
	}
}

// Leave takes the socket out of a room.
func (s *Socket) Leave(room string) { s.namespace.adapter.Leave(s, room) }

// Rooms lists the rooms that the socket is in, its own id among them, in no order.
func (s *Socket) Rooms() []string { return s.namespace.adapter.RoomsOf(s) }

// On adds a handler for an event of the client's.
func (s *Socket) On(event string, f func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == nil {
		s.on = map[string][]func(*Event){}
	}
	s.on[event] = append(s.on[event], f)
}

// OnAny adds a handler for every event of the client's, called before those of On.
func (s *Socket) OnAny(f func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onAny = append(s.onAny, f)
}

// OnDisconnecting adds a handler that is called, with the reason, when the socket is about to leave its rooms.
func (s *Socket) OnDisconnecting(f func(reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onDisconnecting = append(s.onDisconnecting, f)
}

// OnDisconnect adds a handler that is called, with the reason, when the socket has left its rooms.
func (s *Socket) OnDisconnect(f func(reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onDisconnect = append(s.onDisconnect, f)
}

// Disconnect ends the socket: with close the whole connection, without it this namespace alone, and the client
// does not come back by itself.
func (s *Socket) Disconnect(closeConnection bool) {
	if s.state.Load() != stateConnected {
		return
	}
	if closeConnection {
		s.conn.disconnect()
		return
	}
	s.conn.send(&packet{typ: packetDisconnect, namespace: s.namespace.name})
	s.close(reasonServerDisconnect)
}

// connect makes the socket a member of its namespace and tells the handlers. It runs in the connection's serial.
func (s *Socket) connect() {
	s.state.Store(stateConnected)
	s.Join(s.id)
	s.namespace.connected(s)
	if s.namespace.isRetired() {
		s.Disconnect(false) // removed while the socket was on its way in
	}
}

// close ends the socket, once: the handlers for disconnecting, then the rooms, then the handlers for disconnect.
func (s *Socket) close(reason string) {
	if !s.state.CompareAndSwap(stateConnected, stateClosing) {
		return
	}
	s.conn.serial.run(func() {
		// A handler that panics must not leave the socket in its rooms.
		defer s.gone(reason)
		s.mu.Lock()
		handlers := s.onDisconnecting
		s.mu.Unlock()
		for _, f := range handlers {
			f(reason)
		}
	})
}

func (s *Socket) gone(reason string) {
	s.joining.Lock()
	s.state.Store(stateClosed)
	s.namespace.adapter.LeaveAll(s)
	s.joining.Unlock()
	// The namespace may release its adapter only when the last handler has broadcast its last.
	defer s.namespace.remove(s)
	s.mu.Lock()
	handlers := s.onDisconnect
	s.acks.abandon()
	s.mu.Unlock()
	for _, f := range handlers {
		f(reason)
	}
}
