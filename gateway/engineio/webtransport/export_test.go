// SPDX-License-Identifier: Apache-2.0

package webtransport

import "time"

// Limit makes the bounds of connections without a session so small that a test can meet them.
func (s *Server) Limit(most int, wait time.Duration) {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	s.waiting.max, s.waiting.time = most, wait
}

// Waiting is how many connections have no session.
func (s *Server) Waiting() int { return s.waiting.count() }
