// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// said names a message within its room and phase.
type said struct{ publisher, seq int }

// emission is one attempt at a message.
type emission struct {
	said
	attempt int
}

// record is what became of a message.
type record struct {
	emitted time.Time // the first attempt
	acked   bool
	// arrivals has, for each member, the attempts that have arrived.
	arrivals []arrivals
}

// arrivals are the attempts at a message that have arrived at a member.
type arrivals struct {
	attempts []int
	// session is the member's when the last one arrived: in another session it may come once more.
	session int
	// excused: the member was told that it may have missed the message, and is not waited for.
	excused bool
}

// roomLedger accounts for the messages of one room. Safe for concurrent use.
type roomLedger struct {
	mu       sync.Mutex
	messages map[said]*record
	// last is the highest sequence number that each member has seen of each publisher in its
	// session.
	last []map[int]int
	// sessions counts, for each member, how often it was told that it may have missed something.
	sessions []int
	// order is what each member saw, in its order.
	order [][]emission

	// faults describe some of what was duplicated or out of order.
	faults                        []string
	duplicated, disordered, again int
	delays                        []time.Duration
}

func newRoomLedger() *roomLedger {
	r := &roomLedger{}
	r.reset()
	return r
}

// addMember returns the number of a new member. It is called before anything is published.
func (r *roomLedger) addMember() int {
	r.last, r.order, r.sessions = append(r.last, map[int]int{}), append(r.order, nil), append(r.sessions, 0)
	return len(r.last) - 1
}

func (r *roomLedger) members() int { return len(r.last) }

func (r *roomLedger) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = map[said]*record{}
	for i := range r.last {
		r.last[i] = map[int]int{}
		r.order[i] = nil
	}
	r.duplicated, r.disordered, r.again, r.delays, r.faults = 0, 0, 0, nil, nil
}

func (r *roomLedger) queued(m protocol.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages[said{m.Publisher, m.Seq}] = &record{arrivals: make([]arrivals, len(r.last))}
}

func (r *roomLedger) emitted(m protocol.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec := r.messages[said{m.Publisher, m.Seq}]; rec != nil && rec.emitted.IsZero() {
		rec.emitted = time.Now()
	}
}

// acked is true if the message was not acknowledged before.
func (r *roomLedger) acked(m protocol.Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.messages[said{m.Publisher, m.Seq}]
	if rec == nil || rec.acked {
		return false
	}
	rec.acked = true
	return true
}

// restart begins another session of a member.
func (r *roomLedger) restart(member int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[member]++
	r.last[member] = map[int]int{}
}

// excuse ends the wait of a member for what was emitted before, and returns how much that was.
func (r *roomLedger) excuse(member int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, rec := range r.messages {
		if a := &rec.arrivals[member]; !rec.emitted.IsZero() && len(a.attempts) == 0 && !a.excused {
			a.excused = true
			n++
		}
	}
	return n
}

// arrived is true if this is the message's first arrival at the member, which is waited for.
func (r *roomLedger) arrived(member int, m protocol.Message, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := said{m.Publisher, m.Seq}
	rec := r.messages[name]
	if rec == nil {
		return false
	}
	a := &rec.arrivals[member]
	before, sameSession := a.attempts, a.session == r.sessions[member]
	a.session = r.sessions[member]
	if slices.Contains(before, m.Attempt) {
		if sameSession {
			r.duplicated++
			r.describe("twice", member, m)
		}
		return false
	}
	a.attempts = append(a.attempts, m.Attempt)
	if len(before) > 0 { // the publisher emitted again, for want of an acknowledgement
		r.again++
		r.order[member] = append(r.order[member], emission{name, m.Attempt})
		return false
	}
	if a.excused { // a late emission of what another one brought to the others
		return false
	}
	r.order[member] = append(r.order[member], emission{name, m.Attempt})
	r.delays = append(r.delays, now.Sub(rec.emitted))
	if m.Seq < r.last[member][m.Publisher] {
		r.disordered++
		r.describe(fmt.Sprintf("behind %d", r.last[member][m.Publisher]), member, m)
	} else {
		r.last[member][m.Publisher] = m.Seq
	}
	return true
}

// describe is called with the lock held.
func (r *roomLedger) describe(how string, member int, m protocol.Message) {
	if len(r.faults) < shownFaults {
		r.faults = append(r.faults, fmt.Sprintf("message %d, emission %d, of client %d came %s to member %d of room %d",
			m.Seq, m.Attempt, m.Publisher, how, member, m.Room))
	}
}

// missing calls back for each message that was acknowledged and each member that it did not reach.
// told is true if the member knows that it may have missed it.
func (r *roomLedger) missing(f func(member int, name said, told bool)) {
	for name, rec := range r.messages {
		if !rec.acked {
			continue
		}
		for member, a := range rec.arrivals {
			if len(a.attempts) == 0 {
				f(member, name, a.excused)
			}
		}
	}
}

// crossed counts how often a member saw an emission after one that the first member saw later.
func (r *roomLedger) crossed() int {
	place := make(map[emission]int, len(r.order[0]))
	for i, e := range r.order[0] {
		place[e] = i
	}
	n := 0
	for _, order := range r.order[1:] {
		last := -1
		for _, e := range order {
			p, ok := place[e]
			if !ok {
				continue
			}
			if p < last {
				n++
				continue
			}
			last = p
		}
	}
	return n
}
