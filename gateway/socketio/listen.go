// SPDX-License-Identifier: Apache-2.0

package socketio

import "slices"

// Listener is told of what becomes of a socket: what the functions of OnAny, OnDisconnecting and OnDisconnect are told, by one value. Where
// there are many sockets, that takes less memory. Its methods are called as handlers are, before them.
type Listener interface {
	OnEvent(*Event)
	OnDisconnecting(reason string)
	OnDisconnect(reason string)
}

// Listen makes a listener the socket's, in place of the one before; nil ends it.
func (s *Socket) Listen(l Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
}

// ConnectionListeners are the listeners of all sockets of the connection, this one's among them.
func (s *Socket) ConnectionListeners() []Listener {
	var all []Listener
	for _, other := range s.conn.all() {
		if _, l := other.handled(); l != nil {
			all = append(all, l)
		}
	}
	return all
}

// handling is the functions of the application that are called for a socket. Guarded by the socket's mu.
type handling struct {
	events        map[string]handlers[func(*Event)]
	any           handlers[func(*Event)]
	outgoing      handlers[func(string, Args)]
	errors        handlers[func(error)]
	disconnecting handlers[func(string)]
	disconnected  handlers[func(string)]
	upgraded      handlers[func(string)]
	middlewares   []func(*Event) error
	// early is what a middleware has emitted to a client that is not connected yet; see Socket.emitEarly.
	early []earlyEvent
}

// handlers is what functions are added to. It is called with mu held.
func (s *Socket) handlers() *handling {
	if s.handling == nil {
		s.handling = &handling{}
	}
	return s.handling
}

// handled are the functions as of now, which may be walked, and who listens. But events may be read with mu held only.
func (s *Socket) handled() (handling, Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handling == nil {
		return handling{}, s.listener
	}
	return *s.handling, s.listener
}

// handledEvent are the functions for an event.
func (s *Socket) handledEvent(event string) handlers[func(*Event)] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handling == nil {
		return nil
	}
	return s.handling.events[event]
}

// handlers is a list of functions of the application. It is changed under its owner's lock; who has read it under that lock
// may walk it afterwards, whatever is changed meanwhile.
type handlers[F any] []*F

// add returns what remove takes, since functions cannot be compared.
func (h *handlers[F]) add(f F) *F {
	*h = append(*h, &f)
	return &f
}

func (h *handlers[F]) remove(f *F) {
	kept := slices.Clone(*h) // somebody may be walking the list as it is
	*h = slices.DeleteFunc(kept, func(g *F) bool { return g == f })
}
