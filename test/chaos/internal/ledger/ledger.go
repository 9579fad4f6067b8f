// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// Ledger accounts for every message of a phase, room by room and client by client. Safe for
// concurrent use, but for Begin, which is called while nothing is published.
type Ledger struct {
	rooms   []*roomLedger
	clients []*clientLedger

	phase atomic.Int64
	// pending counts the acknowledgements and first arrivals that have not been. Whoever makes it
	// zero says so on settled.
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
	// told means that the client knows that it may have missed something, and is not in its room
	// yet.
	told         bool
	stops, nacks int
	last         time.Time
	silence      time.Duration
}

// seat is a client's place: a room, and the member that it is there.
type seat struct{ room, member int }

// New has so many members in each room, and one more for each guest. Guests are seated in the
// first rooms in turn; their ids follow those of the others.
func New(rooms, members, guests int) *Ledger {
	l := &Ledger{settled: make(chan struct{}, 1)}
	for range rooms {
		l.rooms = append(l.rooms, newRoomLedger())
	}
	for i := range rooms * members {
		l.seat(i / members)
	}
	for i := range guests {
		l.seat(i % rooms)
	}
	l.Begin()
	return l
}

func (l *Ledger) seat(room int) {
	member := l.rooms[room].addMember()
	l.clients = append(l.clients, &clientLedger{seat: seat{room, member}})
}

// RoomOf is the room of a client.
func (l *Ledger) RoomOf(client int) int { return l.clients[client].seat.room }

// Rooms is the number of rooms.
func (l *Ledger) Rooms() int { return len(l.rooms) }

// Members is the number of clients in a room.
func (l *Ledger) Members(room int) int { return l.rooms[room].members() }

// Phase is the number of the phase, which messages carry.
func (l *Ledger) Phase() int { return int(l.phase.Load()) }

// Pending is how many acknowledgements and arrivals are still to come. When it becomes 0, Settled
// says so.
func (l *Ledger) Pending() int64 { return l.pending.Load() }

// Settled receives a value when nothing is pending any more. It may do so once more later: see
// Pending.
func (l *Ledger) Settled() <-chan struct{} { return l.settled }

// Begin starts a phase; what is left of the last one is forgotten.
func (l *Ledger) Begin() {
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

// Queued notes that a message is to be published: it owes one acknowledgement, and an arrival at
// each member.
func (l *Ledger) Queued(m protocol.Message) {
	l.pending.Add(1 + int64(l.rooms[m.Room].members()))
	l.rooms[m.Room].queued(m)
}

// Emitted notes an attempt at a message. Attempts count from 1.
func (l *Ledger) Emitted(m protocol.Message) {
	if m.Attempt > 1 {
		l.repeats.Add(1)
	}
	if l.current(m) {
		l.rooms[m.Room].emitted(m)
	}
}

// Acked notes that the service has acknowledged a message.
func (l *Ledger) Acked(m protocol.Message) {
	if l.current(m) && l.rooms[m.Room].acked(m) {
		l.settle(1)
	}
}

// Arrived notes that a message came to a client of its room.
func (l *Ledger) Arrived(client int, m protocol.Message) {
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
func (l *Ledger) current(m protocol.Message) bool { return int64(m.Phase) == l.phase.Load() }

func (l *Ledger) settle(n int) {
	if n == 0 || l.pending.Add(-int64(n)) != 0 {
		return
	}
	select {
	case l.settled <- struct{}{}:
	default:
	}
}

// Opened notes that a client has opened a connection.
func (l *Ledger) Opened(client int) {
	l.clients[client].update(func(c *clientLedger) { c.opens++ })
}

// Asked notes that a client asked for recovery, and the answer.
func (l *Ledger) Asked(client int, recovered bool) {
	l.clients[client].update(func(c *clientLedger) {
		if recovered {
			c.recovered++
		} else {
			c.declined++
		}
	})
	if !recovered {
		l.Told(client)
	}
}

// Told ends what was promised to a client: it knows that it has missed what it has not got. What
// comes from then on is another session's.
func (l *Ledger) Told(client int) {
	c := l.clients[client]
	c.update(func(c *clientLedger) { c.told = true })
	l.rooms[c.seat.room].restart(c.seat.member)
}

// Joined notes that a client is in its room. What is emitted from now on is promised to it; if it
// was told that it may have missed something, what was emitted before no longer is.
func (l *Ledger) Joined(client int) {
	c := l.clients[client]
	var told bool
	c.update(func(c *clientLedger) { told, c.told = c.told, false })
	if told {
		l.settle(l.rooms[c.seat.room].excuse(c.seat.member))
	}
}

// Stopped notes that a stock client would have given up.
func (l *Ledger) Stopped(client int) {
	l.clients[client].update(func(c *clientLedger) { c.stops++ })
	l.Told(client)
}

// Refused notes an acknowledgement that says that the event was not handled.
func (l *Ledger) Refused(client int, answer string) {
	l.clients[client].update(func(c *clientLedger) { c.nacks++ })
	l.count("acknowledged with " + answer)
}

func (c *clientLedger) update(f func(*clientLedger)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// Failed notes why a connection ended or could not be opened.
func (l *Ledger) Failed(err error) { l.count(reasonOf(err)) }

func (l *Ledger) count(reason string) {
	l.reasons.mu.Lock()
	defer l.reasons.mu.Unlock()
	l.reasons.counts[reason]++
}

// reasonOf leaves out of an error what differs from client to client.
func reasonOf(err error) string {
	var status *protocol.StatusError
	switch {
	case err == nil:
		return "ended"
	case errors.Is(err, protocol.ErrCut), isTimeout(err):
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
