// SPDX-License-Identifier: Apache-2.0

package engineio

// SendBacklog is Send for what a client has missed while it was away. However much that is, it does not count towards MaxQueueBytes and
// MaxQueueMessages while it waits: a client that has just come has had no time to read it.
func (s *Session) SendBacklog(messages ...*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, bytes := s.queue.count, s.queue.bytes
	if err := s.push(messages); err != nil {
		return err
	}
	if s.queue.leave == nil {
		s.queue.leave = &leave{ahead: count, aheadBytes: bytes}
	}
	s.queue.leave.count += s.queue.count - count
	s.queue.leave.bytes += s.queue.bytes - bytes
	s.transport.flush()
	return nil
}
