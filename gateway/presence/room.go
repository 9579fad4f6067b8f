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

// room is a room that has a member on this gateway, with its members on all gateways.
type room struct {
	name   string
	budget *Budget
	// settling is held while infos are asked for, so that an older answer does not follow a newer one. It is taken before mu.
	settling sync.Mutex

	// What follows is guarded by the tracker's mu.

	// members are all that have been told of, or will be within a window; byID are the same, sorted.
	members map[string]*member
	byID    []*member
	// infoBytes is what their infos take, and those of parts.
	infoBytes int
	// local is how many of them are this gateway's.
	local int
	// peers are the other gateways with members, or with a word of which this gateway does not have what lies before it.
	peers map[string]*peer

	// fresh are local members whose info nobody has asked for yet; touched are those whose info may have changed.
	fresh, touched map[string]*member

	// untold is what the clients of this gateway have not been told yet, and arrived are those among them who get it all.
	untold  changes
	arrived []string
	// telling: a batch is due or under way.
	telling bool

	// unsent is what the other gateways have not been told yet.
	unsent changes
	// sending: something is due to be sent, or on its way.
	sending bool
	// listens: NATS has confirmed that this gateway hears of the room.
	listens bool
	// since is when it has begun to, or found NATS again.
	since time.Time
	// seq is the number of the last that has been sent; 0: nothing.
	seq uint64
	// said is when the others have been told last how far this gateway is, changed that something has been sent since.
	said    time.Time
	changed bool
	// call is set to ask all others how far they are, word to say it to them, everything to ask them for all they have.
	call, word, everything bool
	// asks are gateways that owe a snapshot, askers those that want one.
	asks, askers map[string]bool
}

// member is a socket in a room.
type member struct {
	Member
	// gateway is the one that it is connected to; empty: this one.
	gateway string
	// socket is that of a local member.
	socket *socketio.Socket
}

// peer is another gateway in a room.
type peer struct {
	// seq is the number of its last delta or snapshot that is in the room.
	seq   uint64
	count int
	// heard is when it last gave a sign of life, for this room.
	heard time.Time
	// asked is when it was asked for a snapshot that has not come yet; tries counts.
	asked time.Time
	tries int
	// parts and part are a snapshot of which the end has not come yet.
	parts []entry
	part  uint64
}

func newRoom(name string, b *Budget) *room {
	return &room{
		name:    name,
		budget:  b,
		members: map[string]*member{},
		peers:   map[string]*peer{},
		fresh:   map[string]*member{},
		touched: map[string]*member{},
		untold:  changes{},
		unsent:  changes{},
		asks:    map[string]bool{},
		askers:  map[string]bool{},
	}
}

// hasLocal tells whether a member is in the room, on this gateway.
func (r *room) hasLocal(id string) bool {
	m := r.members[id]
	return m != nil && m.gateway == ""
}

// empty tells whether nobody is in the room here.
func (r *room) empty() bool { return r.local == 0 && len(r.fresh) == 0 }

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
			// It has moved to another gateway, and the last word of the old one is still on its way.
			r.remove(before)
			r.untold.note(left, before)
		}
		r.members[m.ID] = m
		r.untold.note(joined, m)
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
	delete(r.touched, m.ID)
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
		r.untold.note(left, m)
		return true
	})
}

// forget ends what is known of a gateway.
func (r *room) forget(gateway string) {
	r.drop(gateway, func(*member) bool { return true })
	if p := r.peers[gateway]; p != nil {
		r.dropParts(p)
	}
	delete(r.peers, gateway)
	delete(r.asks, gateway)
	delete(r.askers, gateway)
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
	r.untold.note(updated, m)
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
