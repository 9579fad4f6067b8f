// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"errors"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// saveTimeout bounds the wait for a session to be stored: a client that connects, or joins a room, does not wait longer
// while the log cannot be reached, but is then not safe from what happens next.
const saveTimeout = 2 * time.Second

var errSaveTimeout = errors.New("the log does not answer in time")

// errSessionOver: the session has ended or belongs to another gateway, so nothing of it is stored here any more.
var errSessionOver = errors.New("the session is over")

// sessionState says what may still be stored of a session.
type sessionState uint8

const (
	// sessionTaking: the first message of this gateway is on its way, and only its outcome tells whose the session is.
	sessionTaking sessionState = iota
	// sessionKept: each change is stored.
	sessionKept
	// sessionOver: the session has ended, or is another gateway's. Only its last record may still be stored.
	sessionOver
)

// session is a socket's session on the gateway that has the socket. Each change is stored as a new message, under the condition
// that the last one in the log is the one that this gateway knows. So a gateway that has lost the session to another one learns it,
// and writes nothing any more. Safe for concurrent use.
//
//	taking ── stored ──▶ kept ── release, oust, lost, failed ──▶ over
//	   └────────────── refused, taken elsewhere ─────────────────▲
type session struct {
	owner     *Sessions
	namespace *Namespace
	socket    *socketio.Socket
	pid       string

	// encoding is held while the socket's data are encoded and handed over, so that the last ones are stored last.
	encoding sync.Mutex

	mu    sync.Mutex
	state sessionState // guarded by mu
	// superseded: its client has come to this gateway once more. Guarded by mu.
	superseded bool
	// record is the session as it was stored last, or is being stored, and roomBytes the length of its rooms' names. Guarded by mu.
	record    *record
	roomBytes int
	// touched are the rooms that may differ from the record, and data what has been set since. Guarded by mu.
	touched map[string]struct{}
	data    *[]byte
	// chain is what the log has of the session. Guarded by mu.
	chain chain
	// storing: a message is on its way. dirty: there is something newer. Guarded by mu.
	storing, dirty bool
	// unsaved is why the session as it is now is not stored; nil if it is, or if a message of it is on its way. failure is why a change
	// never will be, until Settle has told it. Guarded by mu.
	unsaved, failure error
	// suspended: the log was lost, and nothing is stored until restart. Guarded by mu.
	suspended bool
	// waiters are called, with the error of the message that has what they wait for, when it is stored; next are for the message
	// after the one that is on its way. Guarded by mu.
	waiters, next []func(error)

	// calls run one at a time, in order. Guarded by mu.
	calls   []func()
	calling bool
}

// newSession is a session that no log has yet.
func (ns *Namespace) newSession(s *socketio.Socket, pid string, r *record) *session {
	return &session{owner: ns.owner, namespace: ns, socket: s, pid: pid, record: r, state: sessionKept}
}

// save stores the session as it is now, soon.
func (s *session) save() { s.store(nil) }

// saveAndThen calls a function once, when the session as it is now is stored, or it takes too long. The function must not block.
func (s *session) saveAndThen(f func(error)) {
	once := &storedOnce{call: f}
	once.timer = time.AfterFunc(saveTimeout, func() { once.done(errSaveTimeout) })
	s.store(once.stored)
}

// storedOnce has the outcome of a message, or that it takes too long. Safe for concurrent use.
type storedOnce struct {
	timer *time.Timer
	mu    sync.Mutex
	call  func(error) // nil when it was called; guarded by mu
}

func (o *storedOnce) stored(err error) {
	o.timer.Stop()
	o.done(err)
}

func (o *storedOnce) done(err error) {
	o.mu.Lock()
	call := o.call
	o.call = nil
	o.mu.Unlock()
	if call != nil {
		call(err)
	}
}

// saveAndWait is saveAndThen for a caller that waits.
func (s *session) saveAndWait() error {
	done := make(chan error, 1)
	apart.Do(func() { s.saveAndThen(func(err error) { done <- err }) })
	return <-done
}

// saveRooms is saveAndWait for rooms that the socket has joined.
func (s *session) saveRooms(rooms ...string) error {
	s.touch(rooms...)
	return s.saveAndWait()
}

// touch notes rooms that the socket has joined or left.
func (s *session) touch(rooms ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.touched == nil {
		s.touched = make(map[string]struct{}, len(rooms))
	}
	for _, room := range rooms {
		s.touched[room] = struct{}{}
	}
}

// saveData stores the socket's data, which have changed, soon. It encodes them: that is the application's code, which dispatch
// must not wait for.
func (s *session) saveData() {
	s.encoding.Lock()
	defer s.encoding.Unlock()
	data, err := s.socket.EncodeData()
	if err == nil {
		err = checkData(data)
	}
	s.mu.Lock()
	if err != nil {
		s.fail(err)
		s.mu.Unlock()
		return
	}
	s.data = &data
	s.mu.Unlock()
	s.save()
}

func (s *session) store(waiter func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sessionOver {
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

// complete goes on behind a message that is stored, or never will be.
func (s *session) complete(w *sessionWrite, number uint64, err error) {
	s.mu.Lock()
	s.storing = false
	waiters := s.waiters
	s.waiters, s.next = s.next, nil
	taken := errors.Is(err, outbox.ErrWrongSequence) && s.state != sessionOver
	lost := taken && s.state != sessionTaking // else take sees to it
	switch {
	case taken:
		s.state, s.dirty, s.unsaved = sessionOver, false, err
		waiters = append(waiters, s.waiters...)
		s.waiters = nil
	case err == nil:
		s.confirm(w, number)
	case s.suspended:
		err = nil // the session is kept until it restarts
	case s.state != sessionOver:
		s.refused(err)
	}
	var never []func(error)
	switch {
	case taken || s.storing: // or its end is on its way
	case !s.dirty: // who waits for another message has done so since before the session was abandoned
		never, s.waiters = s.waiters, nil
	case s.state == sessionOver:
		s.send(s.encodeRecord())
	default:
		s.write()
	}
	s.mu.Unlock()
	for _, waiter := range waiters {
		waiter(err)
	}
	for _, waiter := range never {
		waiter(errSessionOver)
	}
	if lost {
		s.owner.takenOver(s)
	}
}

// confirm puts the number of what was stored where it was not known. The lock is held.
func (s *session) confirm(w *sessionWrite, number uint64) {
	if s.state == sessionTaking {
		s.state = sessionKept
	}
	s.begin(w, number)
	s.record.confirm(w, number)
	s.chain.add(w, number)
}

// begin tells rooms of which this gateway has heard nothing yet where they begin for it. The lock is held.
func (s *session) begin(w *sessionWrite, number uint64) {
	base := s.namespace.base
	base.Begin(base.Subjects().All(), number)
	for _, room := range w.rooms {
		base.Begin(base.Subjects().Interest(room), number)
	}
}

// refused goes on behind a message that was not stored. Where too much waits for the log, the next refresh stores the session as a
// whole; otherwise nothing ever would. The lock is held.
func (s *session) refused(err error) {
	switch {
	case errors.Is(err, outbox.ErrFull):
		s.chain.interrupt()
		s.unsaved = err
	case errors.Is(err, outbox.ErrClosed): // the session is as it was stored last, and its client comes back elsewhere
		s.unsaved = err
	default:
		s.fail(err)
	}
}

// fail ends the stored session, since it is not what the socket is any more: a client that was recovered from it would be in rooms
// that it had been removed from. The socket goes on without a session. The lock is held.
func (s *session) fail(err error) {
	if s.state == sessionOver {
		return
	}
	s.failure = err
	s.owner.metrics.count("unkept")
	s.owner.logger.Error("a socket's session ends, since a change of it cannot be stored", "socket", s.socket.LogID(), "error", err)
	s.finish(s.record.ended())
}

// release stores the last record: that the client is gone, or that the session has ended.
func (s *session) release(recoverable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sessionOver {
		return
	}
	if s.suspended { // the log has no record that could be found
		s.state = sessionOver
		return
	}
	if !recoverable {
		s.finish(s.record.ended())
		return
	}
	next, err := s.collect()
	if err != nil {
		s.fail(err)
		return
	}
	s.record.Gone = time.Now().UnixMilli()
	next.Gone = s.record.Gone
	s.state = sessionOver
	if s.storing {
		s.dirty = true
		return
	}
	s.send(s.encode(next))
}

// finish makes a record the last one. The lock is held.
func (s *session) finish(last *record) {
	s.state, s.record = sessionOver, last
	if s.suspended {
		return // as release
	}
	if s.storing {
		s.dirty = true
		return
	}
	s.send(s.encodeRecord())
}

// abandon makes the session another's: nothing is stored any more.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.dirty, s.unsaved = sessionOver, false, errSessionOver
}

// supersede is abandon for a client that has come to this gateway once more.
func (s *session) supersede() {
	s.abandon()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.superseded = true
}

func (s *session) isSuperseded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.superseded
}

// number is that of the session's last message in the log, 0 if there is none.
func (s *session) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain.last
}

// refresh stores the session as a whole if that was done last before a time.
func (s *session) refresh(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != sessionOver && !s.storing && !s.suspended && s.chain.storedAt.Before(before) {
		s.chain.interrupt()
		s.write()
	}
}

// flatten stores the session as a whole if the log has deltas of it.
func (s *session) flatten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sessionOver || s.suspended || s.chain.deltas == 0 && !s.storing {
		return
	}
	s.chain.interrupt()
	if s.storing {
		s.dirty = true
		return
	}
	s.write()
}
