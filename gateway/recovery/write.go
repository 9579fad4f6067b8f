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
	// deltaFrom is the size of a record from which on a change is stored as a delta. Below it, a record costs little more
	// than a delta, and is read with one request.
	deltaFrom = 1 << 10
	// maxDeltas is how many deltas may follow a record. They are read together, by one request.
	maxDeltas = 128
)

// sessionWrite is a message of a session on its way to the log.
type sessionWrite struct {
	data []byte
	// isDelta: it follows the messages that are there; otherwise it replaces them.
	isDelta bool
	// rooms are those that it names as the socket's. joined and left are those that it tells the log of.
	rooms, joined, left []string
}

// chain is what the log has of a session: a record, and the deltas behind it.
type chain struct {
	// last is the number of the last message, 0 if there is none.
	last uint64
	// base is the number of the record, 0 if the next message must be one. size is its length, and storedAt when it was sent.
	base     uint64
	size     int
	storedAt time.Time
	// deltas is how many there are, deltaSize their length together.
	deltas, deltaSize int
}

// add notes a message that was stored.
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

// interrupt has the next message be a record, soon.
func (c *chain) interrupt() { c.base, c.storedAt = 0, time.Time{} }

// takesDelta tells whether a change may be stored as a delta. When the deltas outweigh the record it is time for the next one. It is
// so, too, when the log would forget the record before a client that is lost now has had its time to come back.
func (c *chain) takesDelta(oldest time.Time) bool {
	return c.base != 0 && c.size >= deltaFrom && c.deltas < maxDeltas && c.deltaSize < c.size && c.storedAt.After(oldest)
}

// write sends what has changed. The lock is held.
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

// collect brings the record up to date, and returns what has changed of it. The lock is held.
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

// wantsRecord tells whether a record is stored next, not a delta. The lock is held.
func (s *session) wantsRecord() bool {
	return s.machine.flight != idle || !s.chain.takesDelta(time.Now().Add(-s.owner.config.refresh())) || !s.owner.host.PeersTakeDeltas()
}

// encode makes a message of a change: of what has changed, or of all that the record has. The lock is held.
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
		LogAs:   "a session", // whose subject names the private id by which clients ask for it
		Header:  header,
		Data:    w.data,
		Done:    func(number uint64, err error) { s.onOutcome(w, number, err) },
	})
	if err != nil {
		s.owner.host.Go(func() { s.onOutcome(w, 0, err) }) // as later errors come, without the lock
	}
}

// onOutcome is told what has become of a message.
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
