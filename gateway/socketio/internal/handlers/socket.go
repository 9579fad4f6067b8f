// SPDX-License-Identifier: Apache-2.0

package handlers

import (
	"sync"
	"sync/atomic"
)

// Socket has the functions that an application has registered with one socket. E is the type of
// the client's events, A that of their arguments. Most sockets of a gateway have no functions, so
// they are allocated when the first one is added. The zero value is ready for use. Safe for
// concurrent use. The functions that are added get called by the methods in call.go.
type Socket[E, A any] struct {
	all atomic.Pointer[guarded[E, A]] // nil until a function is added
	// outgoing reports whether there are functions of OnAnyOutgoing. Broadcasts read it for each
	// socket.
	outgoing atomic.Bool
}

type guarded[E, A any] struct {
	mu sync.Mutex
	functions[E, A]
}

// functions may be copied under the lock. Its lists may be walked afterwards, but events may not be
// read.
type functions[E, A any] struct {
	events        ByName[func(E)]
	any           List[func(E)]
	outgoing      List[func(string, A)]
	errors        List[func(error)]
	disconnecting List[func(string)]
	disconnected  List[func(string)]
	upgraded      List[func(string)]
	middlewares   []func(E) error
}

// On adds a function for an event of the client. off removes it.
func (s *Socket[E, A]) On(event string, f func(E)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	h := g.events.Add(event, f)
	return func() { g.remove(event, h) }
}

// Once adds a function for the next event of that name.
func (s *Socket[E, A]) Once(event string, f func(E)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	var h *func(E)
	h = g.events.Add(event, func(e E) {
		g.remove(event, h)
		f(e)
	})
	return func() { g.remove(event, h) }
}

// Off removes all functions of an event.
func (s *Socket[E, A]) Off(event string) {
	g := s.lock()
	defer g.mu.Unlock()
	delete(g.events, event)
}

// Use adds a middleware for events of the client.
func (s *Socket[E, A]) Use(f func(E) error) {
	g := s.lock()
	defer g.mu.Unlock()
	g.middlewares = append(g.middlewares, f)
}

// OnAny adds a function for all events of the client.
func (s *Socket[E, A]) OnAny(f func(E)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	return add(g, &g.any, f)
}

// OnAnyOutgoing adds a function for all events for the client.
func (s *Socket[E, A]) OnAnyOutgoing(f func(event string, args A)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	h := g.functions.outgoing.Add(f)
	s.outgoing.Store(true)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.functions.outgoing.Remove(h)
		s.outgoing.Store(len(g.functions.outgoing) > 0)
	}
}

// OnError adds a function for errors of the other functions.
func (s *Socket[E, A]) OnError(f func(error)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	return add(g, &g.errors, f)
}

// OnDisconnecting adds a function for the end of the socket, before it has left its rooms.
func (s *Socket[E, A]) OnDisconnecting(f func(reason string)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	return add(g, &g.disconnecting, f)
}

// OnDisconnect adds a function for the end of the socket, after it has left its rooms.
func (s *Socket[E, A]) OnDisconnect(f func(reason string)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	return add(g, &g.disconnected, f)
}

// OnUpgrade adds a function for changes of the transport.
func (s *Socket[E, A]) OnUpgrade(f func(transport string)) (off func()) {
	g := s.lock()
	defer g.mu.Unlock()
	return add(g, &g.upgraded, f)
}

// lock allocates what functions are added to, if necessary, and locks it.
func (s *Socket[E, A]) lock() *guarded[E, A] {
	g := s.all.Load()
	if g == nil {
		s.all.CompareAndSwap(nil, &guarded[E, A]{})
		g = s.all.Load()
	}
	g.mu.Lock()
	return g
}

// add is called with the lock held.
func add[E, A, F any](g *guarded[E, A], list *List[F], f F) (off func()) {
	h := list.Add(f)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		list.Remove(h)
	}
}

func (g *guarded[E, A]) remove(event string, h *func(E)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events.Remove(event, h)
}
