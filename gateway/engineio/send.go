// SPDX-License-Identifier: Apache-2.0

package engineio

import "errors"

// Errors of Session.Send.
var (
	// ErrClosed: the session is closed or closing.
	ErrClosed = errors.New("session is closed")
	// ErrSlowConsumer: too much data waits for the client, so the session was closed.
	ErrSlowConsumer = errors.New("too much waits for the client")
)

// Send sends messages to the client, without others between them: at once as far as the connection
// has room, the rest when it has. It never blocks. If the client has sent more than the message
// that is being handled, Send works like SendSoon, so that the answers to all of it are sent
// together. Its errors are ErrClosed and ErrSlowConsumer.
func (s *Session) Send(messages ...*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.push(messages); err != nil {
		return err
	}
	if s.more {
		s.soon()
		return nil
	}
	s.flush()
	return nil
}

// SendSoon is Send for messages to many clients: another goroutine writes them shortly afterwards,
// together with what else was sent to the client until then. Messages of Send and SendSoon arrive
// in the order in which they were sent.
func (s *Session) SendSoon(messages ...*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.push(messages); err != nil {
		return err
	}
	s.soon()
	return nil
}

// push queues messages. The lock is held.
func (s *Session) push(messages []*Message) error {
	if err := s.checkSend(); err != nil {
		return err
	}
	s.queue.Push(messages...)
	return nil
}

// checkSend returns nil if more may be queued. It closes a session whose queue is full. The lock is
// held.
func (s *Session) checkSend() error {
	switch {
	case s.state != stateOpen:
		return ErrClosed
	case s.queue.Full(s.config.MaxQueueMessages, s.config.MaxQueueBytes):
		s.closeLocked(ReasonSlowConsumer, nil, closeBroken)
		return ErrSlowConsumer
	}
	return nil
}

// SendBacklog is Send for earlier messages: the history of a room, or missed events. A backlog may
// have any length, since next encodes it piece by piece as the client takes it, and it counts as
// one message towards MaxQueueMessages. A client that takes none of it for a whole ping interval is
// closed with ReasonSlowConsumer.
//
// next returns the messages of one piece, and nil at the end, after which it is not called again.
// It is called under the session's lock: it must neither wait nor use the session. Where it would
// have to wait it returns NotYet, and is called again after ResumeBacklog.
func (s *Session) SendBacklog(next func() []*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkSend(); err != nil {
		return err
	}
	s.queue.PushBacklog(next)
	s.flush()
	return nil
}

// NotYet is what the next function of a backlog returns while its next messages are not available.
var NotYet = []*Message{}

// ResumeBacklog continues a backlog whose next function has returned NotYet.
func (s *Session) ResumeBacklog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed || !s.queue.Resume() {
		return
	}
	s.flush()
}

// Hold reserves space for messages that SendHeld sends later, or DropHeld drops. They count towards
// the limits. Its errors are those of Send.
func (s *Session) Hold(messages ...*Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkSend(); err != nil {
		return err
	}
	s.queue.Hold(messages)
	return nil
}

// SendHeld sends messages that were held. If the session is closed, they are dropped.
func (s *Session) SendHeld(messages ...*Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen {
		return
	}
	s.queue.Unhold(messages)
	s.queue.Push(messages...)
	s.flush()
}

// DropHeld drops messages that were held.
func (s *Session) DropHeld(messages ...*Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen { // otherwise everything is dropped
		s.queue.Unhold(messages)
	}
}

// flusher is a session in a netpoll.Queue of flushes.
type flusher Session

// Do writes the queued messages.
func (f *flusher) Do() {
	s := (*Session)(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushing = false
	if s.state != stateClosed {
		s.flush()
	}
	s.taskDone()
}

// soon schedules a flush by another goroutine. The lock is held.
func (s *Session) soon() {
	if s.flushing {
		return
	}
	s.flushing = true
	s.tasks++
	s.flushes.Add((*flusher)(s))
}

// flushSoon writes scheduled messages at once, before a later packet of the client ends the
// session.
func (s *Session) flushSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flushing && s.state == stateOpen {
		s.flush()
	}
}

// Together calls queue, which calls SendSoon for some sessions. Nothing is written until queue
// returns or has taken some milliseconds, so that the messages of several calls for one session are
// written together. The returned channel is closed when everything has been written, as far as
// clients accept it.
func (s *Server) Together(queue func()) (written <-chan struct{}) { return s.poller.Together(queue) }
