// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// sessionWrite is a record of a session on its way to the log.
type sessionWrite struct {
	data []byte
	// rooms are those that it names as the socket's. joined and left are those that it tells the log of.
	rooms, joined, left []string
}

// chain is what the log has of a session.
type chain struct {
	// last is the number of the last record, 0 if there is none.
	last uint64
	// storedAt is when it was sent; the zero time has the session stored again soon.
	storedAt time.Time
}

// write sends a record of what is now. The lock is held.
func (s *session) write() {
	err := s.collect()
	if err == nil {
		s.send(s.encodeRecord())
		return
	}
	waiters := s.waiters
	s.waiters = nil
	s.fail(err)
	go func() { // without the lock
		for _, waiter := range waiters {
			waiter(err)
		}
	}()
}

// collect brings the record up to date. The lock is held.
func (s *session) collect() error {
	s.record.move(s.adapter.rooms.RoomsOf(s.socket))
	s.roomBytes = nameBytes(s.record.Rooms)
	if s.data != nil {
		s.record.Data = *s.data
		s.data = nil
	}
	return s.record.check(s.roomBytes, s.log.maxRecord())
}

// encodeRecord is called with the lock held.
func (s *session) encodeRecord() *sessionWrite {
	w := &sessionWrite{data: s.record.encode()}
	for room, since := range s.record.Rooms {
		w.rooms = append(w.rooms, room)
		if since == 0 {
			w.joined = append(w.joined, room)
		}
	}
	for room, span := range s.record.Left {
		if span.UpTo == 0 {
			w.left = append(w.left, room)
		}
	}
	return w
}

// send is called with the lock held.
func (s *session) send(w *sessionWrite) {
	s.storing, s.dirty, s.unsaved = true, false, nil
	s.chain.storedAt = time.Now()
	header := s.log.keep(s.log.recovery.retention())
	if header == nil {
		header = nats.Header{}
	}
	header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(s.chain.last, 10))
	header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	err := s.log.push(&entry{
		subject: sessionSubject(s.log.cluster.service, s.pid),
		record:  true,
		header:  header,
		data:    w.data,
		done:    func(number uint64, err error) { s.stored(w, number, err) },
	})
	if err != nil {
		go s.stored(w, 0, err) // as later errors come, without the lock
	}
}

// stored is told what has become of a message.
func (s *session) stored(w *sessionWrite, number uint64, err error) {
	s.mu.Lock()
	verify := errors.Is(err, errWrongSequence) && s.state != sessionOver
	s.mu.Unlock()
	if verify {
		s.log.cluster.done.Go(func() { s.verify(w) })
		return
	}
	s.settled(w, number, err)
}
