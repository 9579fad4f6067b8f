// SPDX-License-Identifier: Apache-2.0

package cluster

// settleAll calls a function when all changes of the session, and all that the gateway has emitted, are stored.
func (s *session) settleAll(f func()) {
	done := func() { s.log.out.settle(func() { s.call(f) }) }
	s.mu.Lock()
	switch {
	case s.storing && s.dirty:
		s.next = append(s.next, func(error) { done() })
		s.mu.Unlock()
	case s.storing:
		s.waiters = append(s.waiters, func(error) { done() })
		s.mu.Unlock()
	default:
		s.mu.Unlock()
		done()
	}
}

// call runs functions in order, in a goroutine: they may do what dispatch must not wait for.
func (s *session) call(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, f)
	if !s.calling {
		s.calling = true
		s.log.cluster.done.Go(s.runCalls)
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
		f()
	}
}
