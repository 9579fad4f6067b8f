// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"slices"
	"sync"
	"time"
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
	arrivals [][]int
}

// roomLedger accounts for the messages of one room. Safe for concurrent use.
type roomLedger struct {
	mu       sync.Mutex
	messages map[said]*record
	// last is the highest sequence number that each member has seen of each publisher.
	last []map[int]int
	// order is what each member saw, in its order.
	order [][]emission

	duplicated, disordered, again int
	delays                        []time.Duration
}

func newRoomLedger(members int) *roomLedger {
	r := &roomLedger{last: make([]map[int]int, members), order: make([][]emission, members)}
	r.reset()
	return r
}

func (r *roomLedger) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = map[said]*record{}
	for i := range r.last {
		r.last[i] = map[int]int{}
		r.order[i] = nil
	}
	r.duplicated, r.disordered, r.again, r.delays = 0, 0, 0, nil
}

func (r *roomLedger) queued(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages[said{m.Publisher, m.Seq}] = &record{arrivals: make([][]int, len(r.last))}
}

func (r *roomLedger) emitted(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec := r.messages[said{m.Publisher, m.Seq}]; rec != nil && rec.emitted.IsZero() {
		rec.emitted = time.Now()
	}
}

// acked is true if the message was not acknowledged before.
func (r *roomLedger) acked(m message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.messages[said{m.Publisher, m.Seq}]
	if rec == nil || rec.acked {
		return false
	}
	rec.acked = true
	return true
}

// arrived is true if this is the message's first arrival at the member.
func (r *roomLedger) arrived(member int, m message, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := said{m.Publisher, m.Seq}
	rec := r.messages[name]
	if rec == nil {
		return false
	}
	before := rec.arrivals[member]
	if slices.Contains(before, m.Attempt) {
		r.duplicated++
		return false
	}
	rec.arrivals[member] = append(before, m.Attempt)
	if len(before) > 0 { // the publisher emitted again, for want of an acknowledgement
		r.again++
		r.order[member] = append(r.order[member], emission{name, m.Attempt})
		return false
	}
	r.order[member] = append(r.order[member], emission{name, m.Attempt})
	r.delays = append(r.delays, now.Sub(rec.emitted))
	if m.Seq < r.last[member][m.Publisher] {
		r.disordered++
	} else {
		r.last[member][m.Publisher] = m.Seq
	}
	return true
}

// missing calls back for each message that was acknowledged and each member that it did not reach.
func (r *roomLedger) missing(f func(member int, name said)) {
	for name, rec := range r.messages {
		if !rec.acked {
			continue
		}
		for member, attempts := range rec.arrivals {
			if len(attempts) == 0 {
				f(member, name)
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
