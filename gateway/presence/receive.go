// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"
	"time"
)

// askAgain is how long a gateway may take for a snapshot before it is asked again.
const askAgain = 2 * time.Second

// Receive takes what another gateway says; it is for the link. It does not block. An error means that it cannot be read.
func (t *Tracker) Receive(data []byte) error {
	p, err := decode(data)
	if err != nil {
		return fmt.Errorf("read what another gateway says of a room: %w", err)
	}
	t.publish(t.receivePacket(p))
	return nil
}

// receivePacket takes a packet, and returns what is to be sent now.
func (t *Tracker) receivePacket(p *packet) (out []outgoing) {
	t.mu.Lock()
	defer t.mu.Unlock() // also if the packet makes it panic
	r := t.rooms[p.room]
	switch {
	case t.closed || p.from == t.link.ID():
	case r != nil:
		t.receive(r, p, time.Now())
	case p.kind == kindWord && p.want == wantSnapshot && p.to == t.link.ID():
		// It holds members who have left, since it has not heard of that.
		t.last++
		out = append(out, t.farewell(p.room, t.last))
	}
	return out
}

// receive is called with mu held.
func (t *Tracker) receive(r *room, p *packet, now time.Time) {
	if known := r.peers[p.from]; known != nil {
		known.heard = now
	}
	switch p.kind {
	case kindWord:
		r.receiveWord(p, t.link.ID(), now)
	case kindDelta:
		r.receiveDelta(p, now)
	case kindSnapshot:
		r.receiveSnapshot(p, now)
	}
	t.tellSoon(r)
	if r.hasNews() {
		t.sendSoon(r)
	}
}

func (r *room) receiveWord(p *packet, self string, now time.Time) {
	switch {
	case p.want == wantWord:
		r.word = true
	case p.want == wantSnapshot && (p.to == "" || p.to == self):
		r.askers[p.from] = true
	}
	if p.seq == 0 {
		return // it has said nothing yet
	}
	known := r.peers[p.from]
	switch {
	case known == nil && p.count == 0:
	case known == nil || p.seq > known.seq && p.count > 0:
		r.ask(p.from, now)
	case p.seq > known.seq:
		r.forget(p.from) // nobody is there any more
	case p.seq == known.seq && p.count != uint64(known.count):
		r.ask(p.from, now)
	}
}

func (r *room) receiveDelta(p *packet, now time.Time) {
	known := r.peers[p.from]
	switch {
	case known != nil && p.seq <= known.seq:
		// A snapshot has overtaken it.
	case p.prev == 0:
		r.replace(p, p.entries, now)
	case known == nil || known.seq != p.prev:
		r.ask(p.from, now)
	default:
		known.seq = p.seq
		r.apply(p.from, p.entries)
	}
}

func (r *room) receiveSnapshot(p *packet, now time.Time) {
	known := r.peer(p.from, now)
	if p.part == 0 {
		r.dropParts(known)
	}
	if p.part != known.part {
		next := known.part
		r.dropParts(known) // a part is lost; it will be asked again
		known.part = next
		return
	}
	known.part++
	for _, e := range p.entries {
		e.Info = r.keep(e.Info)
		known.parts = append(known.parts, e)
	}
	if !p.last {
		return
	}
	entries := known.parts
	r.dropParts(known)
	if p.seq >= known.seq {
		r.replace(p, entries, now)
	}
}

// dropParts ends a snapshot of which the end has not come, or which is complete.
func (r *room) dropParts(p *peer) {
	for _, e := range p.parts {
		r.release(e.Info)
	}
	p.parts, p.part = nil, 0
}

// peer is what is known of a gateway.
func (r *room) peer(gateway string, now time.Time) *peer {
	known := r.peers[gateway]
	if known == nil {
		known = &peer{heard: now}
		r.peers[gateway] = known
	}
	return known
}

// ask makes sure that a gateway is asked for a snapshot.
func (r *room) ask(gateway string, now time.Time) {
	known := r.peer(gateway, now)
	if !known.asked.IsZero() && now.Sub(known.asked) < askAgain {
		return
	}
	known.asked = now
	known.tries++
	r.asks[gateway] = true
}

// replace makes a gateway's members those that are given.
func (r *room) replace(p *packet, entries []entry, now time.Time) {
	known := r.peer(p.from, now)
	known.seq, known.asked, known.tries = p.seq, time.Time{}, 0
	stay := make(map[string]bool, len(entries))
	for _, e := range entries {
		stay[e.ID] = true
	}
	r.drop(p.from, func(m *member) bool { return !stay[m.ID] })
	r.apply(p.from, entries)
}

// apply changes a gateway's members.
func (r *room) apply(gateway string, entries []entry) {
	var more []*member
	for _, e := range entries {
		m := r.members[e.ID]
		ours := m != nil && m.gateway == gateway
		switch {
		case e.change == left && ours:
			r.remove(m)
			r.untold.note(left, m)
		case e.change == left:
		case ours:
			r.update(m, e.Info)
		default:
			more = append(more, &member{Member: Member{ID: e.ID, Info: r.keep(e.Info)}, gateway: gateway})
		}
	}
	r.add(more)
}
