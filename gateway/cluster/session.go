// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// saveTimeout bounds the wait for a session to be stored: a client that connects, or joins a room, does not wait longer
// while the log cannot be reached, but is then not safe from what happens next.
const saveTimeout = 2 * time.Second

// errSessionOver: the session has ended or belongs to another gateway, so nothing of it is stored here any more.
var errSessionOver = errors.New("the session is over")

// session is a socket's session on the gateway that has the socket. Each change is stored as a new record, under the condition
// that the last one in the log is the one that this gateway knows: so who has lost the session to another gateway
// learns it, and writes nothing any more. Safe for concurrent use.
type session struct {
	log     *eventLog
	adapter *adapter
	socket  *socketio.Socket
	pid     string

	mu     sync.Mutex
	record *record // as it was stored last, or is being stored; guarded by mu
	// number is that of the last record in the log, 0 if there is none. Guarded by mu.
	number uint64
	// storing: a record is on its way. dirty: there is something newer. Guarded by mu.
	storing, dirty bool
	storedAt       time.Time // guarded by mu
	// unsaved is why the session as it is now is not stored; nil if it is, or if a record of it is on its way. Guarded by mu.
	unsaved error
	// over: no record follows; the session has ended or has been lost to another gateway. Guarded by mu.
	over bool
	// taking: the first record here is on its way, and only its fate tells whose the session is. ousted: its client has come to this
	// gateway once more. Guarded by mu.
	taking, ousted bool
	// suspended: the log was lost, and no record is stored until restart. Guarded by mu.
	suspended bool
	// waiters are called, with the error of the record that has what they wait for, when it is stored; next are for the record
	// after the one that is on its way. Guarded by mu.
	waiters, next []func(error)

	// calls run one at a time, in order. Guarded by mu.
	calls   []func()
	calling bool
}

// save stores the session as it is now, soon.
func (s *session) save() { s.store(nil) }

// saveAndWait returns when the session as it is now is stored, or it takes too long.
func (s *session) saveAndWait() error {
	done := make(chan error, 1)
	s.store(func(err error) { done <- err })
	timer := time.NewTimer(saveTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errors.New("the log does not answer in time")
	}
}

func (s *session) store(waiter func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		if waiter != nil {
			go waiter(errSessionOver)
		}
		return
	}
	if s.suspended {
		s.note()
		if waiter != nil {
			go waiter(nil)
		}
		return
	}
	if s.storing {
		s.dirty = true
		if waiter != nil {
			s.next = append(s.next, waiter)
		}
		return
	}
	if waiter != nil {
		s.waiters = append(s.waiters, waiter)
	}
	s.write()
}

// write sends a record of what is now. The lock is held.
func (s *session) write() {
	if !s.over {
		s.record.move(s.adapter.rooms.RoomsOf(s.socket))
	}
	data, err := s.socket.EncodeData()
	if err != nil {
		s.log.log.Error("a socket's data cannot be kept for its client's return", "socket", s.socket.LogID(), "error", err)
		data = s.record.Data
	}
	s.record.Data = data
	s.send(s.record.clone())
}

// send is called with the lock held.
func (s *session) send(r *record) {
	s.storing, s.dirty, s.unsaved = true, false, nil
	s.storedAt = time.Now()
	header := s.log.keep(s.log.recovery.retention())
	if header == nil {
		header = nats.Header{}
	}
	header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(s.number, 10))
	header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	err := s.log.push(&entry{
		subject: sessionSubject(s.log.cluster.service, s.pid),
		record:  true,
		header:  header,
		data:    r.encode(),
		done:    func(number uint64, err error) { s.stored(r, number, err) },
	})
	if err != nil {
		s.storedAt = time.Time{} // the next refresh tries again
		go s.stored(r, 0, err)   // as later errors come, without the lock
	}
}

// stored is told what has become of a record.
func (s *session) stored(r *record, number uint64, err error) {
	s.mu.Lock()
	if errors.Is(err, errWrongSequence) && !s.over {
		s.mu.Unlock()
		s.log.cluster.done.Go(func() { s.verify(r) })
		return
	}
	s.mu.Unlock()
	s.settled(r, number, err)
}

// settled goes on behind a record that is stored, or never will be.
func (s *session) settled(r *record, number uint64, err error) {
	s.mu.Lock()
	s.storing = false
	waiters := s.waiters
	s.waiters, s.next = s.next, nil
	taken := errors.Is(err, errWrongSequence) && !s.over
	lost := taken && !s.taking // else take sees to it
	switch {
	case taken:
		s.over, s.unsaved = true, err
		waiters = append(waiters, s.waiters...)
		s.waiters = nil
	case err == nil:
		s.number, s.taking = number, false
		s.settle(r, number)
	case s.suspended:
		err = nil // the session is kept until it restarts
	default:
		s.unsaved = err
	}
	var never []func(error)
	switch {
	case taken:
	case !s.dirty: // who waits for another record has done so since before the session was abandoned
		never, s.waiters = s.waiters, nil
	default:
		if s.over {
			s.send(s.record.clone())
		} else {
			s.write()
		}
	}
	s.mu.Unlock()
	for _, w := range waiters {
		w(err)
	}
	for _, w := range never {
		w(errSessionOver)
	}
	if lost {
		s.log.sessions.lost(s)
	}
}

// settle tells the record what the numbers are that were not known when it was written. The lock is held.
func (s *session) settle(written *record, number uint64) {
	s.begin(written, number)
	written.settle(number)
	if s.record.Floor == 0 {
		s.record.Floor = written.Floor
	}
	for room, since := range written.Rooms {
		if now, still := s.record.Rooms[room]; still && now == 0 {
			s.record.Rooms[room] = since
		}
	}
	for room, left := range written.Left {
		if now, still := s.record.Left[room]; still && now.UpTo == 0 {
			s.record.Left[room] = left
		}
	}
}

// begin tells rooms of which this gateway has heard nothing yet where they begin for it. The lock is held.
func (s *session) begin(written *record, number uint64) {
	a := s.adapter
	a.interest.begin(a.subjects.all(), number)
	for room := range written.Rooms {
		a.interest.begin(a.subjects.interest(room), number)
	}
}

// release stores the last record: that the client is gone, or that the session has ended.
func (s *session) release(recoverable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.record.move(s.adapter.rooms.RoomsOf(s.socket))
	s.over = true
	s.record.Gone = time.Now().UnixMilli()
	s.record.Ended = !recoverable
	if s.suspended {
		return // the log has no record that could be found
	}
	if s.storing {
		s.dirty = true
		return
	}
	s.send(s.record.clone())
}

// abandon makes the session another's: nothing is stored any more.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.dirty, s.unsaved = true, false, errSessionOver
}

// oust is abandon for a client that has come to this gateway once more.
func (s *session) oust() {
	s.abandon()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ousted = true
}

func (s *session) isOusted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ousted
}

// refresh stores the session again if that was done last before a time.
func (s *session) refresh(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over && !s.storing && !s.suspended && s.storedAt.Before(before) {
		s.write()
	}
}
