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
		s.transport.flush()
	}
	s.taskDone()
}
