// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// suspend stops storing the session until restart: its log incarnation is lost, and no other
// gateway must recover it while it is unknown whether its client has received everything. A session
// that has not been stored yet continues.
func (s *session) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.machine.suspend(s.chain.last == 0) {
		return
	}
	s.chain, s.unsaved = chain{}, nil
	s.waiters, s.next = append(s.waiters, s.next...), nil // the record in flight is the last one
	s.record.move(s.namespace.base.Rooms().RoomsOf(s.socket))
	s.record.Floor, s.record.Left, s.record.Restarted = eventlog.Start, nil, true
	for room := range s.record.Rooms {
		s.record.Rooms[room] = eventlog.Start
	}
}

// updateRecord adds the rooms that a suspended session has joined or left to the record. The lock
// is held.
func (s *session) updateRecord() {
	s.record.move(s.namespace.base.Rooms().RoomsOf(s.socket))
	s.record.fillSequences(max(eventlog.Start, s.log.Delivered()))
}

// restart stores a suspended session in the new log incarnation.
func (s *session) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine.state != suspended {
		return
	}
	s.updateRecord()
	if s.machine.resume() == send {
		s.write()
	}
}

// LogLost is called when the log incarnation is lost.
func (s *Sessions) LogLost() {
	for _, n := range s.all() {
		n.suspend()
	}
}

// LogRestored stores the suspended sessions in the new log incarnation.
func (s *Sessions) LogRestored() {
	for _, n := range s.all() {
		n.restart()
	}
}
