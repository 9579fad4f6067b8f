// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// deltaFrom is the size of a record from which on a change is stored as a delta. A smaller
	// record costs little more than a delta, and is read by one request.
	deltaFrom = 1 << 10
	// maxDeltas is how many deltas may follow a record. They are read together, by one request.
	maxDeltas = 128
)

// sessionWrite is a message of a session in flight to the log.
type sessionWrite struct {
	data []byte
	// isDelta reports whether it follows the present messages; otherwise it replaces them.
	isDelta bool
	// rooms are all rooms that it names; joined and left are the changed ones.
	rooms, joined, left []string
}

// chain describes a session's messages in the log: a record, and the deltas behind it.
type chain struct {
	// last is the sequence of the last message, 0 if there is none.
	last uint64
	// base is the sequence of the record, 0 if the next message must be a record. size is its
	// length, and storedAt when it was sent.
	base     uint64
	size     int
	storedAt time.Time
	// deltas is the number of deltas, and deltaSize the sum of their lengths.
	deltas, deltaSize int
}

// add adds a stored message.
func (c *chain) add(w *sessionWrite, number uint64) {
	c.last = number
	if w.isDelta {
		c.deltas++
		c.deltaSize += len(w.data)
		return
	}
	c.base, c.size = number, len(w.data)
	c.deltas, c.deltaSize = 0, 0
}

// interrupt makes the next message, which is due soon, a record.
func (c *chain) interrupt() { c.base, c.storedAt = 0, time.Time{} }

// takesDelta reports whether a change may be stored as a delta. When the deltas outweigh the
// record, the next message is a record. The same holds if the record would otherwise expire before
// a client that is lost now could return.
func (c *chain) takesDelta(oldest time.Time) bool {
	return c.base != 0 && c.size >= deltaFrom && c.deltas < maxDeltas && c.deltaSize < c.size && c.storedAt.After(oldest)
}

// write sends the changes. The lock is held.
func (s *session) write() {
	next, err := s.collect()
	if err == nil {
		s.send(s.encode(next))
		return
	}
	waiters := s.waiters
	s.waiters = nil
	s.fail(err)
	s.owner.host.Go(func() { // without the lock
		for _, waiter := range waiters {
			waiter(err)
		}
	})
}

// collect updates the record, and returns its changes. The lock is held.
func (s *session) collect() (*delta, error) {
	next := &delta{By: s.record.By, whole: s.wantsRecord()}
	if next.whole {
		s.record.move(s.namespace.base.Rooms().RoomsOf(s.socket))
		s.roomBytes = nameBytes(s.record.Rooms)
	} else {
		for room := range s.touched {
			s.roomBytes += next.note(s.record, room, s.namespace.base.Rooms().Contains(s.socket, room))
		}
	}
	clear(s.touched)
	if s.data != nil {
		s.record.Data = *s.data
		next.HasData, next.Data = true, *s.data
		s.data = nil
	}
	return next, s.record.check(s.roomBytes, s.owner.maxRecord())
}

// wantsRecord reports whether a record is stored next, rather than a delta. The lock is held.
func (s *session) wantsRecord() bool {
	return s.machine.flight != idle || !s.chain.takesDelta(time.Now().Add(-s.owner.config.refresh())) || !s.owner.host.PeersTakeDeltas()
}

// encode encodes a message with the changes, or with the complete record. The lock is held.
func (s *session) encode(next *delta) *sessionWrite {
	if next.whole {
		return s.encodeRecord()
	}
	next.Base, next.Index = s.chain.base, s.chain.deltas+1
	return &sessionWrite{data: next.encode(), isDelta: true, rooms: next.Joined, joined: next.Joined, left: next.Left}
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
	s.machine.sent()
	s.unsaved = nil
	if !w.isDelta {
		s.chain.storedAt = time.Now()
	}
	header := s.log.Header(0)
	header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(s.chain.last, 10))
	if !w.isDelta {
		header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	err := s.log.Push(&outbox.Message{
		Subject: wire.SessionSubject(s.owner.config.Service, s.pid),
		Reserve: true,
		LogAs:   "a session", // whose subject contains the private id by which clients ask for it
		Header:  header,
		Data:    w.data,
		Done:    func(number uint64, err error) { s.onOutcome(w, number, err) },
	})
	if err != nil {
		s.owner.host.Go(func() { s.onOutcome(w, 0, err) }) // without the lock, like later errors
	}
}

// onOutcome handles the outcome of a message.
func (s *session) onOutcome(w *sessionWrite, number uint64, err error) {
	s.mu.Lock()
	verify := errors.Is(err, outbox.ErrWrongSequence) && s.machine.state != over
	s.mu.Unlock()
	if verify {
		s.owner.host.Go(func() { s.verify(w) })
		return
	}
	s.complete(w, number, err)
}
