// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ledger accounts for every message of a phase, room by room and client by client. Safe for concurrent use, but for begin,
// which is called while nothing is published.
type ledger struct {
	rooms   []*roomLedger
	clients []*clientLedger

	phase atomic.Int64
	// pending counts the acknowledgements and first arrivals that have not been. Whoever makes it zero says so on settled.
	pending atomic.Int64
	settled chan struct{}
	late    atomic.Int64 // arrivals of an earlier phase's messages
	repeats atomic.Int64 // emissions that were not the first of their message

	reasons struct {
		mu     sync.Mutex
		counts map[string]int
	}
}

// clientLedger is what happened to one client in a phase.
type clientLedger struct {
	seat seat // for ever

	mu                         sync.Mutex
	opens, recovered, declined int
	// told means that the client knows that it may have missed something, and is not in its room yet.
	told         bool
	stops, nacks int
	last         time.Time
	silence      time.Duration
}

// seat is a client's place: a room, and the member that it is there.
type seat struct{ room, member int }

// newLedger has so many members in each room, and one more for each guest. Guests are seated in the
// first rooms in turn; their ids follow those of the others.
func newLedger(rooms, members, guests int) *ledger {
	l := &ledger{settled: make(chan struct{}, 1)}
	for range rooms {
		l.rooms = append(l.rooms, newRoomLedger())
	}
	for i := range rooms * members {
		l.seat(i / members)
	}
	for i := range guests {
		l.seat(i % rooms)
	}
	l.begin()
	return l
}

func (l *ledger) seat(room int) {
	member := l.rooms[room].addMember()
	l.clients = append(l.clients, &clientLedger{seat: seat{room, member}})
}

// roomOf is the room of a client.
func (l *ledger) roomOf(client int) int { return l.clients[client].seat.room }

// begin starts a phase; what is left of the last one is forgotten.
func (l *ledger) begin() {
	l.phase.Add(1)
	l.pending.Store(0)
	l.late.Store(0)
	l.repeats.Store(0)
	for _, r := range l.rooms {
		r.reset()
	}
	for _, c := range l.clients {
		c.mu.Lock()
		c.opens, c.recovered, c.declined, c.stops, c.nacks = 0, 0, 0, 0, 0
		c.last, c.silence = time.Now(), 0
		c.mu.Unlock()
	}
	l.reasons.mu.Lock()
	l.reasons.counts = map[string]int{}
	l.reasons.mu.Unlock()
}

// queued notes that a message is to be published: it owes one acknowledgement, and an arrival at each member.
func (l *ledger) queued(m message) {
	l.pending.Add(1 + int64(l.rooms[m.Room].members()))
	l.rooms[m.Room].queued(m)
}

func (l *ledger) emitted(m message) {
	if m.Attempt > 1 {
		l.repeats.Add(1)
	}
	if l.current(m) {
		l.rooms[m.Room].emitted(m)
	}
}

func (l *ledger) acked(m message) {
	if l.current(m) && l.rooms[m.Room].acked(m) {
		l.settle(1)
	}
}

func (l *ledger) arrived(client int, m message) {
	now := time.Now()
	c := l.clients[client]
	c.mu.Lock()
	c.silence = max(c.silence, now.Sub(c.last))
	c.last = now
	c.mu.Unlock()
	if !l.current(m) {
		l.late.Add(1)
		return
	}
	if l.rooms[m.Room].arrived(c.seat.member, m, now) {
		l.settle(1)
	}
}

// current is false for messages of an earlier phase: they have been counted as lost.
func (l *ledger) current(m message) bool { return int64(m.Phase) == l.phase.Load() }

func (l *ledger) settle(n int) {
	if n == 0 || l.pending.Add(-int64(n)) != 0 {
		return
	}
	select {
	case l.settled <- struct{}{}:
	default:
	}
}

func (l *ledger) opened(client int) {
	l.clients[client].update(func(c *clientLedger) { c.opens++ })
}

// asked notes that a client asked for recovery, and the answer.
func (l *ledger) asked(client int, recovered bool) {
	l.clients[client].update(func(c *clientLedger) {
		if recovered {
			c.recovered++
		} else {
			c.declined++
		}
	})
	if !recovered {
		l.told(client)
	}
}

// told ends what was promised to a client: it knows that it has missed what it has not got. What
// comes from then on is another session's.
func (l *ledger) told(client int) {
	c := l.clients[client]
	c.update(func(c *clientLedger) { c.told = true })
	l.rooms[c.seat.room].restart(c.seat.member)
}

// joined notes that a client is in its room. What is emitted from now on is promised to it; if it was
// told that it may have missed something, what was emitted before no longer is.
func (l *ledger) joined(client int) {
	c := l.clients[client]
	var told bool
	c.update(func(c *clientLedger) { told, c.told = c.told, false })
	if told {
		l.settle(l.rooms[c.seat.room].excuse(c.seat.member))
	}
}

// stopped notes that a stock client would have given up.
func (l *ledger) stopped(client int) {
	l.clients[client].update(func(c *clientLedger) { c.stops++ })
	l.told(client)
}

// refused notes an acknowledgement that says that the event was not handled.
func (l *ledger) refused(client int, answer string) {
	l.clients[client].update(func(c *clientLedger) { c.nacks++ })
	l.count("acknowledged with " + answer)
}

func (c *clientLedger) update(f func(*clientLedger)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// failed notes why a connection ended or could not be opened.
func (l *ledger) failed(err error) { l.count(reasonOf(err)) }

func (l *ledger) count(reason string) {
	l.reasons.mu.Lock()
	defer l.reasons.mu.Unlock()
	l.reasons.counts[reason]++
}

// reasonOf leaves out of an error what differs from client to client.
func reasonOf(err error) string {
	var status *statusError
	switch {
	case err == nil:
		return "ended"
	case errors.Is(err, errCut), isTimeout(err):
		return "cut"
	case errors.As(err, &status):
		return status.Error()
	}
	return innermost(err).Error()
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
