// SPDX-License-Identifier: Apache-2.0

package socketio

// On adds a handler for an event of the client's. off takes it away again.
func (s *Socket) On(event string, f func(*Event)) (off func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.addHandler(event, f)
	return func() { s.removeHandler(event, h) }
}

// Once adds a handler for the next event of that name alone.
func (s *Socket) Once(event string, f func(*Event)) (off func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var h *func(*Event)
	h = s.addHandler(event, func(ev *Event) {
		s.removeHandler(event, h)
		f(ev)
	})
	return func() { s.removeHandler(event, h) }
}

// Off takes away all handlers of an event.
func (s *Socket) Off(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.handlers().events, event)
}

// addHandler is called with mu held.
func (s *Socket) addHandler(event string, f func(*Event)) *func(*Event) {
	on := s.handlers()
	if on.events == nil {
		on.events = map[string]handlers[func(*Event)]{}
	}
	list := on.events[event]
	h := list.add(f)
	on.events[event] = list
	return h
}

func (s *Socket) removeHandler(event string, h *func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.handling.events
	list := events[event]
	list.remove(h)
	if len(list) == 0 {
		delete(events, event)
		return
	}
	events[event] = list
}

// OnAny adds a handler for every event of the client's, called before middlewares and the handlers of On.
func (s *Socket) OnAny(f func(*Event)) (off func()) {
	return register(s, func(h *handling) *handlers[func(*Event)] { return &h.any }, f)
}

// Use adds a middleware for the client's events: an error goes to OnError, and the handlers of On do not see the event. A
// client that waits for an acknowledgement gets {"error": "…"} with its text, unless the middleware has answered.
func (s *Socket) Use(f func(*Event) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handlers()
	h.middlewares = append(h.middlewares, f)
}

// OnError adds a handler for what middlewares refuse and typed handlers cannot decode.
func (s *Socket) OnError(f func(error)) (off func()) {
	return register(s, func(h *handling) *handlers[func(error)] { return &h.errors }, f)
}

// OnDisconnecting adds a handler that is called, with the reason, when the socket is about to leave its rooms.
func (s *Socket) OnDisconnecting(f func(reason string)) (off func()) {
	return register(s, func(h *handling) *handlers[func(string)] { return &h.disconnecting }, f)
}

// OnDisconnect adds a handler that is called, with the reason, when the socket has left its rooms.
func (s *Socket) OnDisconnect(f func(reason string)) (off func()) {
	return register(s, func(h *handling) *handlers[func(string)] { return &h.disconnected }, f)
}

func register[F any](s *Socket, of func(*handling) *handlers[F], f F) (off func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := of(s.handlers())
	h := list.add(f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		list.remove(h)
	}
}
