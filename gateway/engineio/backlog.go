// SPDX-License-Identifier: Apache-2.0

package engineio

// SendBacklog is Send for what a client was sent before it came: the history of a room, or what it has
// missed. It may be of any length, since next makes it piece by piece, as the client takes it, and it
// counts as one message towards MaxQueueMessages. A client that takes none of it for a whole ping interval
// is closed with ReasonSlowConsumer.
//
// next returns the messages that go out together, none at the end, and is not called after that. It is
// called under the session's lock: it may not wait, nor use the session.
func (s *Session) SendBacklog(next func() []*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(); err != nil {
		return err
	}
	s.queue.pushBacklog(next)
	s.flush()
	return nil
}

// Hold counts messages towards the limits that are sent later, by SendHeld, or are dropped, by DropHeld.
// Its errors are those of Send.
func (s *Session) Hold(messages ...*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(); err != nil {
		return err
	}
	s.queue.hold(messages)
	return nil
}

// SendHeld sends messages that were held. A session that has closed drops them.
func (s *Session) SendHeld(messages ...*Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen {
		return
	}
	s.queue.unhold(messages)
	s.queue.push(messages...)
	s.flush()
}

// DropHeld drops messages that were held.
func (s *Session) DropHeld(messages ...*Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen { // else all that waits is dropped
		s.queue.unhold(messages)
	}
}
