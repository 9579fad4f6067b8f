// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
)

// suspend has a session be stored no more until restart: the log that had it is lost, and while it is not known that its client is
// whole no other gateway must recover it. A session that has not been stored yet goes on.
func (s *session) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.machine.suspend(s.chain.last == 0) {
		return
	}
	s.chain, s.unsaved = chain{}, nil
	s.waiters, s.next = append(s.waiters, s.next...), nil // the record that is on its way is the last
	s.record.move(s.namespace.base.Rooms().RoomsOf(s.socket))
	s.record.Floor, s.record.Left, s.record.Restarted = eventlog.Start, nil, true
	for room := range s.record.Rooms {
		s.record.Rooms[room] = eventlog.Start
	}
}

// updateRecord puts the rooms that a suspended session has joined or left into the record. The lock is held.
func (s *session) updateRecord() {
	s.record.move(s.namespace.base.Rooms().RoomsOf(s.socket))
	s.record.fillSequences(max(eventlog.Start, s.log.Delivered()))
}

// restart stores a suspended session in the new log.
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

// LogLost is for a log that was lost.
func (s *Sessions) LogLost() {
	for _, n := range s.all() {
		n.suspend()
	}
}

// LogRestored stores the suspended sessions in the new log.
func (s *Sessions) LogRestored() {
	for _, n := range s.all() {
		n.restart()
	}
}
