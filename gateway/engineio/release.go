// SPDX-License-Identifier: Apache-2.0

package engineio

// Release answers the poll that waits for a session, if one does, with a noop: its client polls again, be it by another way. The
// session goes on as it is.
func (s *Server) Release(id string) {
	session := s.session(id)
	if session == nil {
		return
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	if p, ok := session.transport.(*polling); ok && session.state == stateOpen {
		p.answer(pollAnswer{messages: []*Message{noopPacket}})
	}
}
