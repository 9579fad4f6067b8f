// SPDX-License-Identifier: Apache-2.0

package recovery

import "cmp"

// afterStored calls a function when the outcome of all changes of the session, and of all events
// that the gateway has emitted, is known. The error is that of the changes, or says that the log
// has ended.
func (s *session) afterStored(f func(error)) {
	done := func(unsaved error) {
		unsaved = cmp.Or(s.takeFailure(), unsaved)
		s.log.AfterAll(func(err error) { s.call(func() { f(cmp.Or(unsaved, err)) }) })
	}
	s.mu.Lock()
	switch unsaved := s.unsaved; {
	case s.machine.flight == idle || unsaved != nil:
		s.mu.Unlock()
		done(unsaved)
	case s.machine.flight == outdated:
		s.next = append(s.next, done)
		s.mu.Unlock()
	default:
		s.waiters = append(s.waiters, done)
		s.mu.Unlock()
	}
}

// takeFailure returns and clears the reason why a change was not stored.
func (s *session) takeFailure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.failure
	s.failure = nil
	return err
}

// call runs functions in order, in a goroutine, so that they may block without delaying the loop.
func (s *session) call(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, f)
	if !s.calling {
		s.calling = true
		s.owner.host.Go(s.runCalls)
	}
}

func (s *session) runCalls() {
	for {
		s.mu.Lock()
		if len(s.calls) == 0 {
			s.calling, s.calls = false, nil
			s.mu.Unlock()
			return
		}
		f := s.calls[0]
		s.calls = s.calls[1:]
		s.mu.Unlock()
		s.owner.host.Call(f)
	}
}
