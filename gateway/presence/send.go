// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"cmp"
	"slices"
	"time"
)

// sendWindow is how long changes are gathered before they are sent to the other gateways.
const sendWindow = 10 * time.Millisecond

// outgoing is a packet for all gateways that listen to its room, or for one.
type outgoing struct {
	gateway string
	packet
}

// sendSoon schedules the sending of a room's changes. The caller holds mu.
func (t *Tracker) sendSoon(r *room) { t.sendIn(r, sendWindow) }

func (t *Tracker) sendIn(r *room, after time.Duration) {
	if r.sending || t.closed {
		return
	}
	r.sending = true
	time.AfterFunc(after, func() { t.send(r) })
}

// send refreshes the infos of a room and sends its changes to the other gateways. It runs once at a
// time for a room, so that its deltas are sent in order.
func (t *Tracker) send(r *room) {
	t.listen(r)
	t.refreshInfos(r)
	t.mu.Lock()
	out, alive := t.take(r, time.Now())
	t.mu.Unlock()
	t.publish(out)
	if !alive {
		t.unlisten(r.name)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.sending = false
	if r.state != roomEnded && r.hasNews() {
		t.sendSoon(r)
	}
}

// listen subscribes before anything is announced: so a gateway with a member that joins meanwhile
// either receives the announcement, or is received.
func (t *Tracker) listen(r *room) {
	t.mu.Lock()
	state := r.state
	t.mu.Unlock()
	if state != roomJoining || t.link == nil {
		return
	}
	t.link.Listen(r.name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.state != roomJoining {
		return // it has ended meanwhile
	}
	r.state, r.since = roomListening, time.Now()
	r.owe(dueRequest)
}

func (t *Tracker) unlisten(room string) {
	if t.link != nil {
		t.link.Unlisten(room)
	}
}

// hasNews is called with mu held.
func (r *room) hasNews() bool {
	return r.empty() || r.due != dueNothing ||
		len(r.newcomers)+len(r.stale)+len(r.forPeers)+len(r.requests)+len(r.requesters) > 0
}

// take returns the packets to send now; alive is false if the room has ended. The caller holds mu.
func (t *Tracker) take(r *room, now time.Time) (out []outgoing, alive bool) {
	if t.closed || r.state == roomEnded {
		return nil, false
	}
	if r.empty() {
		delete(t.rooms, r.name)
		r.end()
		return t.farewells([]*room{r}), false
	}
	if t.link == nil {
		r.forPeers = changes{}
		return nil, true
	}
	out = t.takeDeltas(r)
	out = append(out, t.takeAnnouncements(r, now)...)
	return append(out, t.takeSnapshots(r)...), true
}

func (t *Tracker) takeDeltas(r *room) []outgoing {
	if len(r.forPeers) == 0 {
		return nil
	}
	entries := make([]entry, 0, len(r.forPeers))
	for _, n := range r.forPeers {
		entries = append(entries, entry{n.change, n.member.Member})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.ID, b.ID) })
	r.forPeers = changes{}
	var out []outgoing
	for _, some := range chunks(entries) {
		t.last++
		out = append(out, outgoing{packet: packet{
			kind: kindDelta, room: r.name, from: t.link.ID(), prev: r.seq, seq: t.last, entries: some,
		}})
		r.seq = t.last
	}
	r.unannounced = true
	return out
}

func (t *Tracker) takeAnnouncements(r *room, now time.Time) []outgoing {
	var out []outgoing
	if r.due != dueNothing {
		a := t.announcement(r)
		a.want = r.due.want()
		out = append(out, outgoing{packet: a})
		r.due = dueNothing
		r.announced = now
	}
	for gateway := range r.requests {
		a := t.announcement(r)
		a.want, a.to = wantSnapshot, gateway
		out = append(out, outgoing{gateway, a})
	}
	clear(r.requests)
	return out
}

// announcement returns an announcement of this gateway.
func (t *Tracker) announcement(r *room) packet {
	return packet{kind: kindAnnouncement, room: r.name, from: t.link.ID(), seq: r.seq, count: uint64(r.local)}
}

func (t *Tracker) takeSnapshots(r *room) []outgoing {
	if len(r.requesters) == 0 || r.seq == 0 {
		return nil // a gateway that asks before there is anything receives it with the first delta
	}
	parts := chunks(r.own())
	var out []outgoing
	for gateway := range r.requesters {
		for i, some := range parts {
			out = append(out, outgoing{gateway, packet{
				kind: kindSnapshot, room: r.name, from: t.link.ID(), seq: r.seq,
				part: uint64(i), last: i == len(parts)-1, entries: some,
			}})
		}
	}
	clear(r.requesters)
	return out
}

// farewells returns announcements that rooms have no members here any more, for gateways that know
// of some. The caller holds mu.
func (t *Tracker) farewells(rooms []*room) []outgoing {
	var out []outgoing
	for _, r := range rooms {
		if t.link != nil && r.seq > 0 {
			t.last++
			t.parted[r.name] = t.last
			out = append(out, t.farewell(r.name, t.last))
		}
	}
	return out
}

func (t *Tracker) farewell(room string, seq uint64) outgoing {
	return outgoing{packet: packet{kind: kindAnnouncement, room: room, from: t.link.ID(), seq: seq}}
}

// publish sends packets. If one is lost, for example without NATS, the others notice it by its
// number, and request it.
func (t *Tracker) publish(out []outgoing) {
	if t.link == nil || !t.link.Connected() {
		return
	}
	for i := range out {
		o := &out[i]
		if o.gateway == "" {
			_ = t.link.Publish(o.room, o.encode())
		} else {
			_ = t.link.Send(o.gateway, o.encode())
		}
	}
}
