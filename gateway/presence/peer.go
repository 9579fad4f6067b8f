// SPDX-License-Identifier: Apache-2.0

package presence

import "time"

// peerState is how much this gateway knows of another one's members of a room; see the diagram in
// doc.go.
type peerState byte

const (
	// peerUnknown is that of a gateway of which nothing is known. It has no peer.
	peerUnknown peerState = iota
	// peerBehind is that of one whose members are not all known. A snapshot of them is requested until
	// one has come.
	peerBehind
	// peerCurrent is that of one whose members are known, up to peer.seq.
	peerCurrent
)

// peer is another gateway in a room. All of it is guarded by the tracker's mu.
type peer struct {
	state peerState
	// seq is the number of its last delta or snapshot that is in the room; 0: none is.
	seq   uint64
	count int
	// heard is when it last gave a sign of life, for this room.
	heard time.Time
	// requested is when a snapshot was requested last, while it is behind; tries counts the requests
	// that were for it alone.
	requested time.Time
	tries     int
	// parts and part are a snapshot of which the end has not come yet.
	parts []entry
	part  uint64
}

// peerOf is what is known of a gateway, and how much; nil if nothing is.
func (r *room) peerOf(gateway string) (*peer, peerState) {
	if p := r.peers[gateway]; p != nil {
		return p, p.state
	}
	return nil, peerUnknown
}

// fallBehind is called when some of a gateway's members may not be known. It has a snapshot requested,
// unless it was not long ago.
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

// catchUp makes a gateway's members those that are given. It is current then.
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

// overdue looks after a gateway at a heartbeat: it is requested again what has not come, and forgotten
// if it is silent, or has been asked in vain.
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

// forget ends what is known of a gateway.
func (r *room) forget(gateway string) {
	r.drop(gateway, func(*member) bool { return true })
	if p := r.peers[gateway]; p != nil {
		r.dropParts(p)
	}
	delete(r.peers, gateway)
	delete(r.requests, gateway)
	delete(r.requesters, gateway)
}

// dropParts ends a snapshot of which the end has not come, or which is complete.
func (r *room) dropParts(p *peer) {
	for _, e := range p.parts {
		r.release(e.Info)
	}
	p.parts, p.part = nil, 0
}
