// SPDX-License-Identifier: Apache-2.0

package presence

import "time"

// peerState is how much this gateway knows of another gateway's members of a room; see the diagram
// in doc.go.
type peerState byte

const (
	// peerUnknown: nothing is known of the gateway. It has no peer.
	peerUnknown peerState = iota
	// peerBehind: not all members of the gateway are known. A snapshot is requested until it has
	// arrived.
	peerBehind
	// peerCurrent: the members of the gateway are known, up to peer.seq.
	peerCurrent
)

// peer is another gateway in a room. Guarded by the tracker's mu.
type peer struct {
	state peerState
	// seq is the number of its last delta or snapshot that was applied to the room; 0: none.
	seq   uint64
	count int
	// heard is when it was last heard from, for this room.
	heard time.Time
	// requested is when a snapshot was last requested, while it is behind; tries counts the
	// requests to it alone.
	requested time.Time
	tries     int
	// parts and part belong to a snapshot whose end has not arrived yet.
	parts []entry
	part  uint64
}

// peerOf returns what is known of a gateway; nil if nothing is.
func (r *room) peerOf(gateway string) (*peer, peerState) {
	if p := r.peers[gateway]; p != nil {
		return p, p.state
	}
	return nil, peerUnknown
}

// fallBehind is called when some of a gateway's members may not be known. It requests a snapshot,
// unless it did so recently.
func (r *room) fallBehind(gateway string, now time.Time) {
	p, state := r.peerOf(gateway)
	switch state {
	case peerUnknown:
		p = &peer{heard: now}
		r.peers[gateway] = p
	case peerBehind:
		if now.Sub(p.requested) < requestAgain {
			return
		}
	case peerCurrent:
	}
	p.state, p.requested = peerBehind, now
	p.tries++
	r.requests[gateway] = true
}

// catchUp replaces a gateway's members, which makes it current.
func (r *room) catchUp(gateway string, seq uint64, members []entry, now time.Time) {
	p, state := r.peerOf(gateway)
	if state == peerUnknown {
		p = &peer{heard: now}
		r.peers[gateway] = p
	}
	p.state, p.seq, p.tries = peerCurrent, seq, 0
	stay := make(map[string]bool, len(members))
	for _, e := range members {
		stay[e.ID] = true
	}
	r.drop(gateway, func(m *member) bool { return !stay[m.ID] })
	r.apply(gateway, members)
}

// overdue checks a gateway at a heartbeat: a missing snapshot is requested again, and the gateway
// is forgotten if it is silent, or has not answered repeated requests.
func (r *room) overdue(gateway string, now time.Time) {
	p, state := r.peerOf(gateway)
	waits := state == peerBehind && now.Sub(p.requested) >= requestAgain
	switch {
	case now.Sub(p.heard) >= expiry, waits && p.tries >= maxTries:
		r.forget(gateway)
	case waits:
		r.fallBehind(gateway, now)
	}
}

// forget removes a gateway and its members from the room.
func (r *room) forget(gateway string) {
	r.drop(gateway, func(*member) bool { return true })
	if p := r.peers[gateway]; p != nil {
		r.dropParts(p)
	}
	delete(r.peers, gateway)
	delete(r.requests, gateway)
	delete(r.requesters, gateway)
}

// dropParts drops the parts of a snapshot that is incomplete, or has been applied.
func (r *room) dropParts(p *peer) {
	for _, e := range p.parts {
		r.release(e.Info)
	}
	p.parts, p.part = nil, 0
}
