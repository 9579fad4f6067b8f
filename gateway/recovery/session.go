// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// saveTimeout bounds the wait for a session to be stored: a client that connects, or joins a room,
// waits no longer if the log is unreachable, but is not protected from a loss of the gateway until
// then.
const saveTimeout = 2 * time.Second

var errSaveTimeout = errors.New("the log does not answer in time")

// errSessionOver: the session has ended or belongs to another gateway, so nothing of it is stored
// here any more.
var errSessionOver = errors.New("the session is over")

// store is the part of the log that a session uses.
type store interface {
	// Push stores a message; see eventlog.Log.
	Push(m *outbox.Message) error
	// Header returns the header of a message that is kept for that long.
	Header(keep time.Duration) nats.Header
	// AfterAll calls a function when the outcome of all pushed messages is known.
	AfterAll(f func(error))
	// Latest returns the last message of a subject.
	Latest(ctx context.Context, subject string) (eventlog.Message, error)
	// Delivered returns the sequence up to which all events have been delivered here.
	Delivered() uint64
}

// session is a socket's session on the gateway that has the socket. Each change is stored as a new
// message, under the condition that the last one in the log is the one that this gateway knows. So
// a gateway that has lost the session to another one notices it, and writes nothing any more. Its
// machine decides what is sent, and when. Safe for concurrent use.
type session struct {
	owner     *Sessions
	namespace *Namespace
	socket    *socketio.Socket
	pid       string
	log       store

	// encoding is held while the socket's data are encoded and handed over, so that the latest data
	// are stored last.
	encoding sync.Mutex

	mu      sync.Mutex
	machine machine // guarded by mu
	// superseded: the client has connected to this gateway again. Guarded by mu.
	superseded bool
	// record is the session that was stored last, or is being stored, and roomBytes is the sum of
	// its rooms' names. Guarded by mu.
	record    *record
	roomBytes int
	// touched are the rooms that may differ from the record, and data the data set since. Guarded
	// by mu.
	touched map[string]struct{}
	data    *[]byte
	// chain describes the session's messages in the log. Guarded by mu.
	chain chain
	// unsaved is why the current state of the session is not stored; nil if it is stored, or if a
	// message with it is in flight. failure is why a change never will be, until Settle has
	// reported it. Guarded by mu.
	unsaved, failure error
	// waiters are called, with the error of the message in flight, when its outcome is known; next
	// are for the message after it. Guarded by mu.
	waiters, next []func(error)

	// calls are functions that run one at a time, in order. Guarded by mu.
	calls   []func()
	calling bool
}

// newSession returns a session that is not in the log yet.
func (ns *Namespace) newSession(s *socketio.Socket, pid string, r *record) *session {
	return &session{
		owner: ns.owner, namespace: ns, socket: s, pid: pid, log: ns.owner.log, record: r, machine: machine{state: kept},
	}
}

// save stores the current state of the session, soon.
func (s *session) save() { s.store(nil) }

// saveAndThen calls a function once, when the current state of the session is stored, or that takes
// too long. The function must not block.
func (s *session) saveAndThen(f func(error)) {
	once := &storedOnce{call: f}
	once.timer = time.AfterFunc(saveTimeout, func() { once.done(errSaveTimeout) })
	s.store(once.stored)
}

// storedOnce calls a function with the outcome of a message, or when that takes too long. Safe for
// concurrent use.
type storedOnce struct {
	timer *time.Timer
	mu    sync.Mutex
	call  func(error) // nil after the call; guarded by mu
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

// saveData stores the socket's changed data, soon. It encodes them, which calls the application, so
// it must not run in the loop.
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
	a := s.machine.change()
	if waiter != nil {
		switch a {
		case nothing:
			s.owner.host.Go(func() { waiter(errSessionOver) })
		case update:
			s.owner.host.Go(func() { waiter(nil) })
		case wait:
			s.next = append(s.next, waiter)
		default:
			s.waiters = append(s.waiters, waiter)
		}
	}
	switch a {
	case update:
		s.updateRecord()
	case send:
		s.write()
	}
}

// complete handles the outcome of a message.
func (s *session) complete(w *sessionWrite, number uint64, err error) {
	s.mu.Lock()
	before, o := s.machine.state, outcomeOf(err)
	isTakenOver := o == taken && before != over
	next := s.machine.answered(o)
	s.note(w, number, before, o, err)
	waiters := s.waiters
	s.waiters, s.next = s.next, nil
	var left []func(error) // they wait for what will not be sent any more
	switch next {
	case end:
		s.fail(err)
	case send:
		s.write()
	case sendLast:
		s.send(s.encodeRecord())
	default:
		left, s.waiters = s.waiters, nil
	}
	s.mu.Unlock()
	if before == suspended && !isTakenOver {
		err = nil // the session is kept until it restarts
	}
	for _, waiter := range waiters {
		waiter(err)
	}
	if !isTakenOver {
		err = errSessionOver
	}
	for _, waiter := range left {
		waiter(err)
	}
	if isTakenOver && before != taking { // otherwise take handles it
		s.owner.takenOver(s)
	}
}

// note stores what the outcome of a message says about the record and about unsaved changes. The
// lock is held.
func (s *session) note(w *sessionWrite, number uint64, before state, o outcome, err error) {
	switch {
	case o == stored:
		s.confirm(w, number)
	case before == over:
	case o == taken:
		s.unsaved = err
	case o == later && before != suspended:
		s.unsaved = err
		if errors.Is(err, outbox.ErrFull) {
			s.chain.interrupt() // the next refresh stores a complete record
		}
	}
}

// outcomeOf converts an outcome of the outbox. If too much waits for the log, a change is stored
// later; if the gateway ends, the session stays as it was stored last, and its client returns
// elsewhere.
func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return stored
	case errors.Is(err, outbox.ErrWrongSequence):
		return taken
	case errors.Is(err, outbox.ErrFull), errors.Is(err, outbox.ErrClosed):
		return later
	}
	return never
}

// confirm replaces zeros by the sequence of the stored message. The lock is held.
func (s *session) confirm(w *sessionWrite, number uint64) {
	s.begin(w, number)
	s.record.confirm(w, number)
	s.chain.add(w, number)
}

// begin tells the subscriptions of rooms without an event so far where they begin. The lock is
// held.
func (s *session) begin(w *sessionWrite, number uint64) {
	base := s.namespace.base
	base.Begin(base.Subjects().All(), number)
	for _, room := range w.rooms {
		base.Begin(base.Subjects().Interest(room), number)
	}
}

// fail ends the stored session, since it no longer corresponds to the socket: a client that was
// recovered from it would be in rooms that it had been removed from. The socket continues without a
// session. The lock is held.
func (s *session) fail(err error) {
	if s.machine.state == over {
		return
	}
	s.failure = err
	s.owner.metrics.count("unkept")
	s.owner.logger.Error("a socket's session ends, since a change of it cannot be stored", s.socket.LogAttr(), "error", err)
	s.finish(s.record.ended())
}

// release stores the last record, which says that the client is gone or that the session has ended.
func (s *session) release(recoverable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.machine.state == over:
		return
	case s.machine.state == suspended: // the log has no record that could be found
		s.machine.finish()
		return
	case !recoverable:
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
	if s.machine.finish() == sendLast {
		s.send(s.encode(next))
	}
}

// finish makes a record the last one. The lock is held.
func (s *session) finish(last *record) {
	s.record = last
	if s.machine.finish() == sendLast {
		s.send(s.encodeRecord())
	}
}

// abandon gives the session up to another gateway: nothing is stored any more.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine.abandon()
	s.unsaved = errSessionOver
}

// supersede is abandon for a client that has connected to this gateway again.
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

// number returns the sequence of the session's last message in the log, 0 if there is none.
func (s *session) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain.last
}

// refresh stores a complete record if the last one is older than a time.
func (s *session) refresh(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine.isIdle() && s.chain.storedAt.Before(before) {
		s.chain.interrupt()
		s.write()
	}
}

// flatten stores a complete record if the log has deltas of the session.
func (s *session) flatten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine.state == suspended || s.chain.deltas == 0 && s.machine.flight == idle {
		return
	}
	if a := s.machine.change(); a != nothing {
		s.chain.interrupt()
		if a == send {
			s.write()
		}
	}
}
