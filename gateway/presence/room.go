// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// roomState is how far this gateway is with a room; see the diagram in doc.go.
type roomState byte

const (
	// roomJoining is that of a room of which this gateway may not hear yet.
	roomJoining roomState = iota
	// roomListening is that of one of which NATS has confirmed that this gateway hears.
	roomListening
	// roomEnded is that of one that has no member here any more, or no presence. It is not in the tracker.
	roomEnded
)

// due is what is to be announced to all others. What is higher includes what is lower.
type due byte

const (
	dueNothing due = iota
	// dueAnnouncement: how far this gateway is.
	dueAnnouncement
	// dueCall: that, and the question how far the others are.
	dueCall
	// dueRequest: that, and the request for all members of the others.
	dueRequest
)

// want is what an announcement asks for, on the wire.
func (d due) want() byte {
	switch d {
	case dueRequest:
		return wantSnapshot
	case dueCall:
		return wantAnnouncement
	case dueNothing, dueAnnouncement:
	}
	return wantNothing
}

// room is a room that has a member on this gateway, with its members on all gateways.
type room struct {
	name   string
	budget *Budget
	// refreshing is held while infos are asked for, so that an older answer does not follow a newer one. It is taken before mu.
	refreshing sync.Mutex

	// What follows is guarded by the tracker's mu.

	state roomState
	// since is when it has begun to listen, or found NATS again.
	since time.Time

	// members are all that clients have been told of, or will be within a window; byID are the same, sorted.
	members map[string]*member
	byID    []*member
	// infoBytes is what their infos take, and those of parts.
	infoBytes int
	// local is how many of them are this gateway's.
	local int
	// peers are the other gateways that have members, or may have.
	peers map[string]*peer

	// newcomers are local members whose info nobody has asked for yet; stale are those whose info may have changed.
	newcomers, stale map[string]*member

	// forClients is what the clients of this gateway have not been told yet, and arrived are those among them who get it all.
	forClients changes
	arrived    []string
	// notifying: a batch is due or under way.
	notifying bool

	// forPeers is what the other gateways have not been told yet.
	forPeers changes
	// sending: something is due to be sent, or on its way.
	sending bool
	// seq is the number of the last delta that was sent; 0: none.
	seq uint64
	// announced is when the others were told last how far this gateway is, unannounced that it has sent something since.
	announced   time.Time
	unannounced bool
	// due is what is to be announced next.
	due due
	// requests are gateways of which a snapshot is to be requested, requesters those that want one.
	requests, requesters map[string]bool
}

// owe has something announced.
func (r *room) owe(d due) { r.due = max(r.due, d) }

// member is a socket in a room.
type member struct {
	Member
	// gateway is the one that it is connected to; empty: this one.
	gateway string
	// socket is that of a local member.
	socket *socketio.Socket
}

func newRoom(name string, b *Budget) *room {
	return &room{
		name:       name,
		budget:     b,
		members:    map[string]*member{},
		peers:      map[string]*peer{},
		newcomers:  map[string]*member{},
		stale:      map[string]*member{},
		forClients: changes{},
		forPeers:   changes{},
		requests:   map[string]bool{},
		requesters: map[string]bool{},
	}
}

// hasLocal tells whether a member is in the room, on this gateway.
func (r *room) hasLocal(id string) bool {
	m := r.members[id]
	return m != nil && m.gateway == ""
}

// empty tells whether nobody is in the room here.
func (r *room) empty() bool { return r.local == 0 && len(r.newcomers) == 0 }

// change is what has become of a member.
type change byte

// The numbers are on the wire.
const (
	joined change = iota + 1
	left
	updated
)

// changes are what has become of members since somebody was told of them, by id.
type changes map[string]noted

type noted struct {
	change change
	// member is as it was last.
	member *member
}

// note adds a change to what is there: who comes and goes in one batch has never been there.
func (c changes) note(what change, m *member) {
	before, known := c[m.ID]
	switch {
	case !known:
	case before.change == joined && what == left:
		delete(c, m.ID)
		return
	case before.change == joined:
		what = joined
	case before.change == left:
		what = updated
	}
	c[m.ID] = noted{what, m}
}

func compareID(m *member, id string) int { return cmp.Compare(m.ID, id) }

// add puts members in, in one go.
func (r *room) add(members []*member) {
	for _, m := range members {
		if before := r.members[m.ID]; before != nil {
			// It has moved to another gateway, and what the old one said last is still on its way.
			r.remove(before)
			r.forClients.note(left, before)
		}
		r.members[m.ID] = m
		r.forClients.note(joined, m)
		if m.gateway == "" {
			r.local++
		} else {
			r.peers[m.gateway].count++
		}
		if len(members) == 1 {
			i, _ := slices.BinarySearchFunc(r.byID, m.ID, compareID)
			r.byID = slices.Insert(r.byID, i, m)
		}
	}
	if len(members) > 1 {
		for _, m := range members {
			if r.members[m.ID] == m {
				r.byID = append(r.byID, m)
			}
		}
		slices.SortFunc(r.byID, func(a, b *member) int { return cmp.Compare(a.ID, b.ID) })
	}
}

// remove takes a member out, and says nothing of it.
func (r *room) remove(m *member) {
	delete(r.members, m.ID)
	delete(r.stale, m.ID)
	r.release(m.Info)
	if i, found := slices.BinarySearchFunc(r.byID, m.ID, compareID); found {
		r.byID = slices.Delete(r.byID, i, i+1)
	}
	if m.gateway == "" {
		r.local--
	} else if p := r.peers[m.gateway]; p != nil {
		p.count--
	}
}

// drop takes all members of a gateway out for which gone is true.
func (r *room) drop(gateway string, gone func(*member) bool) {
	p := r.peers[gateway]
	if p == nil || p.count == 0 {
		return
	}
	r.byID = slices.DeleteFunc(r.byID, func(m *member) bool {
		if m.gateway != gateway || !gone(m) {
			return false
		}
		delete(r.members, m.ID)
		r.release(m.Info)
		p.count--
		r.forClients.note(left, m)
		return true
	})
}

// update gives a member new info, and tells whether it is new.
func (r *room) update(m *member, info json.RawMessage) bool {
	before := m.Info
	if slices.Equal(before, info) {
		return false
	}
	r.release(before)
	m.Info = r.keep(info)
	if slices.Equal(before, m.Info) {
		return false
	}
	r.forClients.note(updated, m)
	return true
}

// own lists the members of this gateway.
func (r *room) own() []entry {
	entries := make([]entry, 0, r.local)
	for _, m := range r.byID {
		if m.gateway == "" {
			entries = append(entries, entry{joined, m.Member})
		}
	}
	return entries
}
