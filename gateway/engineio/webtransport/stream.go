// SPDX-License-Identifier: Apache-2.0

package webtransport

import (
	"sync"

	"github.com/quic-go/webtransport-go"
)

// stream is the stream of a session that Engine.IO uses.
type stream struct {
	*webtransport.Stream
	session *webtransport.Session
	visit   *visit

	mu            sync.Mutex // guards the following fields
	taken, closed bool
}

// take is called once the engine has made a session of the stream. The session may have ended
// already.
func (s *stream) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.taken = true
		s.visit.begin()
	}
}

// Close ends the session.
func (s *stream) Close() error {
	s.mu.Lock()
	if s.taken && !s.closed {
		s.visit.end()
	}
	s.closed = true
	s.mu.Unlock()
	return s.session.CloseWithError(0, "")
}
