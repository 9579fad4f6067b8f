// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"cmp"
	"slices"
	"time"
)

// sendWindow is how long changes are gathered before the other gateways are told.
const sendWindow = 10 * time.Millisecond

// outgoing is a packet for all who listen to its room, or for one gateway.
type outgoing struct {
	gateway string
	packet
}

// sendSoon sees to it that what is new in a room goes its way. The caller holds mu.
func (t *Tracker) sendSoon(r *room) { t.sendIn(r, sendWindow) }

func (t *Tracker) sendIn(r *room, after time.Duration) {
	if r.sending || t.closed {
		return
	}
	r.sending = true
	time.AfterFunc(after, func() { t.send(r) })
}

// send refreshes the infos of a room and tells the other gateways. There is one at a time of a room, so that its deltas go out in order.
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

// listen subscribes before anything is said: whoever joins elsewhere meanwhile either hears of us, or is heard.
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

// take is what is to be sent now; it is false for a room that is no more. The caller holds mu.
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

// announcement says how far this gateway is.
func (t *Tracker) announcement(r *room) packet {
	return packet{kind: kindAnnouncement, room: r.name, from: t.link.ID(), seq: r.seq, count: uint64(r.local)}
}

func (t *Tracker) takeSnapshots(r *room) []outgoing {
	if len(r.requesters) == 0 || r.seq == 0 {
		return nil // who asks before there is anything gets it with the first delta
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

// farewells say of rooms that nobody is here any more, to those who know of somebody. The caller holds mu.
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

// publish sends packets. What is lost, as without NATS, the others miss by its number, and ask for.
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
