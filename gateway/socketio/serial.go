// SPDX-License-Identifier: Apache-2.0

package socketio

import "sync"

// serial runs functions one at a time and in order without a goroutine of its own: whoever finds it idle runs what is
// there, and whoever finds it busy, even from within a function that it runs, leaves its function behind for that one.
// So the callbacks of a connection never overlap, and a handler may disconnect its own socket.
type serial struct {
	mu      sync.Mutex
	running bool
	queue   []func()
	// guard is called when a function panics; the rest still runs.
	guard func(any)
}

// InTurn calls f as a handler of the connection is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.serial.run(f) }

func (s *serial) run(f func()) {
	s.mu.Lock()
	if s.running {
		s.queue = append(s.queue, f)
		s.mu.Unlock()
		return
	}
	s.running = true
	s.mu.Unlock()
	for f != nil {
		s.call(f)
		f = s.next()
	}
}

func (s *serial) next() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.running = false
		s.queue = nil
		return nil
	}
	f := s.queue[0]
	s.queue = s.queue[1:]
	return f
}

func (s *serial) call(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.guard(p)
		}
	}()
	f()
}
