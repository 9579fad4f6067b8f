// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"
	"time"
)

// requestAgain is how long a gateway may take to send a snapshot before it is requested again.
const requestAgain = 2 * time.Second

// Receive handles a packet of another gateway; it is for the link. It does not block. An error
// means that the packet cannot be decoded.
func (t *Tracker) Receive(data []byte) error {
	p, err := decode(data)
	if err != nil {
		return fmt.Errorf("read what another gateway says of a room: %w", err)
	}
	t.publish(t.receivePacket(p))
	return nil
}

// receivePacket handles a packet, and returns the packets to send now.
func (t *Tracker) receivePacket(p *packet) (out []outgoing) {
	t.mu.Lock()
	defer t.mu.Unlock() // even if the packet causes a panic
	r := t.rooms[p.room]
	switch {
	case t.closed || p.from == t.link.ID():
	case r != nil:
		t.receive(r, p, time.Now())
	case p.kind == kindAnnouncement && p.want == wantSnapshot && p.to == t.link.ID():
		// It still has members that have left, since it has not been told.
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
	case kindAnnouncement:
		r.receiveAnnouncement(p, t.link.ID(), now)
	case kindDelta:
		r.receiveDelta(p, now)
	case kindSnapshot:
		r.receiveSnapshot(p, now)
	}
	t.notifySoon(r)
	if r.hasNews() {
		t.sendSoon(r)
	}
}

func (r *room) receiveAnnouncement(p *packet, self string, now time.Time) {
	switch {
	case p.want == wantAnnouncement:
		r.owe(dueAnnouncement)
	case p.want == wantSnapshot && (p.to == "" || p.to == self):
		r.requesters[p.from] = true
	}
	if p.seq == 0 {
		return // it has sent nothing yet
	}
	known, state := r.peerOf(p.from)
	switch {
	case state == peerUnknown && p.count == 0:
	case state == peerUnknown:
		r.fallBehind(p.from, now)
	case p.seq < known.seq:
		// It has been overtaken by a delta or a snapshot.
	case p.seq > known.seq && p.count == 0:
		r.forget(p.from) // it has no members any more
	case p.seq > known.seq, p.count != uint64(known.count):
		r.fallBehind(p.from, now)
	}
}

func (r *room) receiveDelta(p *packet, now time.Time) {
	known, state := r.peerOf(p.from)
	switch {
	case state != peerUnknown && p.seq <= known.seq:
		// It has been overtaken by a snapshot.
	case p.prev == 0:
		r.catchUp(p.from, p.seq, p.entries, now)
	case state == peerUnknown || known.seq != p.prev:
		r.fallBehind(p.from, now)
	default:
		known.seq = p.seq
		r.apply(p.from, p.entries)
	}
}

func (r *room) receiveSnapshot(p *packet, now time.Time) {
	known, state := r.peerOf(p.from)
	if state == peerUnknown { // all were asked for theirs
		known = &peer{state: peerBehind, heard: now, requested: now}
		r.peers[p.from] = known
	}
	if p.part == 0 {
		r.dropParts(known)
	}
	if p.part != known.part {
		next := known.part
		r.dropParts(known) // a part is lost; the snapshot will be requested again
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
	members := known.parts
	r.dropParts(known)
	if p.seq >= known.seq {
		r.catchUp(p.from, p.seq, members, now)
	}
}

// apply applies changes to a gateway's members.
func (r *room) apply(gateway string, entries []entry) {
	var more []*member
	for _, e := range entries {
		m := r.members[e.ID]
		ours := m != nil && m.gateway == gateway
		switch {
		case e.change == left && ours:
			r.remove(m)
			r.forClients.note(left, m)
		case e.change == left:
		case ours:
			r.update(m, e.Info)
		default:
			more = append(more, &member{Member: Member{ID: e.ID, Info: r.keep(e.Info)}, gateway: gateway})
		}
	}
	r.add(more)
}
