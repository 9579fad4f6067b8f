// SPDX-License-Identifier: Apache-2.0

package engineio

// flushing is a session for which something was sent soon.
type flushing Session

// Do writes what waits.
func (f *flushing) Do() {
	s := (*Session)(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = false
	if s.state != stateClosed {
		s.flush()
	}
	s.taskDone()
}

// Together calls queue, which calls SendSoon for some sessions, and has nothing be written before it
// returns or has taken some milliseconds: so what it sends to one session in several calls goes out in
// one. What Together returns is closed when all of it has been written, as far as clients take it.
func (s *Server) Together(queue func()) (written <-chan struct{}) { return s.poller.Together(queue) }
