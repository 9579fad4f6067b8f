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

// roomState is the state of a room on this gateway; see the diagram in doc.go.
type roomState byte

const (
	// roomJoining: this gateway may not receive the room's messages yet.
	roomJoining roomState = iota
	// roomListening: NATS has confirmed the subscription to the room.
	roomListening
	// roomEnded: the room has no member here any more, or no presence. It is not in the tracker.
	roomEnded
)

// due is what is to be announced to all others. Higher values include the lower ones.
type due byte

const (
	dueNothing due = iota
	// dueAnnouncement: the state of this gateway.
	dueAnnouncement
	// dueCall: the same, with a request for the state of the others.
	dueCall
	// dueRequest: the same, with a request for all members of the others.
	dueRequest
)

// want returns what an announcement asks for, in the form on the wire.
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
	// refreshing is held while Config.Info is called, so that an older result does not replace a
	// newer one. It is locked before mu.
	refreshing sync.Mutex

	// The fields below are guarded by the tracker's mu.

	state roomState
	// since is when the gateway has subscribed to the room, or reconnected to NATS.
	since time.Time

	// members are all that clients have been told of, or will be within a window; byID has the
	// same, sorted.
	members map[string]*member
	byID    []*member
	// infoBytes is the size of their infos, including those in parts.
	infoBytes int
	// local is the number of members on this gateway.
	local int
	// blind has the ids of those that are not told who is in the room; nil before the first.
	blind map[string]bool
	// peers are the other gateways that have members, or may have some.
	peers map[string]*peer

	// newcomers are local members whose info is not known yet; stale are those whose info may have
	// changed.
	newcomers, stale map[string]*member

	// forClients has the changes that the clients of this gateway have not been told yet; arrived
	// are the new members, which receive a state.
	forClients changes
	arrived    []string
	// notifying: a batch is due or being sent.
	notifying bool

	// forPeers has the changes that the other gateways have not been told yet.
	forPeers changes
	// sending: something is due to be sent, or being sent.
	sending bool
	// seq is the number of the last delta that was sent; 0: none.
	seq uint64
	// announced is when this gateway last announced itself; unannounced reports whether it has sent
	// something since.
	announced   time.Time
	unannounced bool
	// due is what is to be announced next.
	due due
	// requests are gateways from which a snapshot is to be requested, and requesters those that
	// have requested one.
	requests, requesters map[string]bool
}

// owe schedules an announcement.
func (r *room) owe(d due) { r.due = max(r.due, d) }

// member is a socket in a room.
type member struct {
	Member
	// gateway is the gateway that the member is connected to; empty: this one.
	gateway string
	// socket is the socket of a local member.
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

// hasLocal reports whether a member with an id is in the room on this gateway.
func (r *room) hasLocal(id string) bool {
	m := r.members[id]
	return m != nil && m.gateway == ""
}

// empty reports whether the room has no members on this gateway.
func (r *room) empty() bool { return r.local == 0 && len(r.newcomers) == 0 }

// change is the kind of a change.
type change byte

// The numbers are on the wire.
const (
	joined change = iota + 1
	left
	updated
)

// changes are the changes of members since the last notification, by id.
type changes map[string]noted

type noted struct {
	change change
	// member is the member's latest state.
	member *member
}

// note adds a change. A member that has joined and left within one batch is not mentioned.
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

// add adds members, all at once.
func (r *room) add(members []*member) {
	for _, m := range members {
		if before := r.members[m.ID]; before != nil {
			// It has moved to another gateway, and the last message of the old one is still on its
			// way.
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

// remove removes a member without telling anybody.
func (r *room) remove(m *member) {
	delete(r.members, m.ID)
	delete(r.stale, m.ID)
	r.release(m.Info)
	if i, found := slices.BinarySearchFunc(r.byID, m.ID, compareID); found {
		r.byID = slices.Delete(r.byID, i, i+1)
	}
	if m.gateway == "" {
		r.local--
		delete(r.blind, m.ID)
	} else if p := r.peers[m.gateway]; p != nil {
		p.count--
	}
}

// setBlind says whether a member on this gateway is not told who is in the room.
func (r *room) setBlind(id string, blind bool) {
	switch {
	case !blind:
		delete(r.blind, id)
	case r.blind == nil:
		r.blind = map[string]bool{id: true}
	default:
		r.blind[id] = true
	}
}

// drop removes all members of a gateway for which gone returns true.
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

// update sets a member's info, and reports whether it has changed.
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

// own returns the members of this gateway.
func (r *room) own() []entry {
	entries := make([]entry, 0, r.local)
	for _, m := range r.byID {
		if m.gateway == "" {
			entries = append(entries, entry{joined, m.Member})
		}
	}
	return entries
}
