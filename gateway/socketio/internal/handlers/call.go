// SPDX-License-Identifier: Apache-2.0

package handlers

// now returns the functions of this moment. They are called without the lock, since they may add
// and remove functions.
func (s *Socket[E, A]) now() functions[E, A] {
	g := s.all.Load()
	if g == nil {
		return functions[E, A]{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.functions
}

// Event calls the functions for an event of the client: those of OnAny, the middlewares, and those
// for its name. If a middleware refuses the event, refused is called with the error instead of what
// follows.
func (s *Socket[E, A]) Event(name string, e E, refused func(error)) {
	now := s.now()
	for _, f := range now.any {
		(*f)(e)
	}
	for _, f := range now.middlewares {
		if err := f(e); err != nil {
			refused(err)
			return
		}
	}
	for _, f := range s.named(name) { // the functions before may have changed them
		(*f)(e)
	}
}

// named returns the functions for an event.
func (s *Socket[E, A]) named(event string) List[func(E)] {
	g := s.all.Load()
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.events[event]
}

// HasOutgoing reports whether Outgoing has functions to call.
func (s *Socket[E, A]) HasOutgoing() bool { return s.outgoing.Load() }

// Outgoing calls the functions for an event that is sent to the client.
func (s *Socket[E, A]) Outgoing(event string, args A) {
	for _, f := range s.now().outgoing {
		(*f)(event, args)
	}
}

// Error calls the functions for errors, and reports whether there is one.
func (s *Socket[E, A]) Error(err error) bool {
	list := s.now().errors
	call(list, err)
	return len(list) > 0
}

// Disconnecting calls the functions for a socket that is about to leave its rooms.
func (s *Socket[E, A]) Disconnecting(reason string) { call(s.now().disconnecting, reason) }

// Disconnected calls the functions for a socket that has left its rooms.
func (s *Socket[E, A]) Disconnected(reason string) { call(s.now().disconnected, reason) }

// HasUpgrade reports whether Upgraded has functions to call.
func (s *Socket[E, A]) HasUpgrade() bool { return len(s.now().upgraded) > 0 }

// Upgraded calls the functions for a new transport.
func (s *Socket[E, A]) Upgraded(transport string) { call(s.now().upgraded, transport) }

func call[T any](list List[func(T)], value T) {
	for _, f := range list {
		(*f)(value)
	}
}
