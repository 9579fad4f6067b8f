// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"math/rand/v2"
	"time"
)

const (
	// announceAgain is how often a gateway announces itself for each room, even without changes, so
	// that others notice what they have missed without a gap in the numbers.
	announceAgain = 30 * time.Second
	// expiry is how long the members of a live gateway that does not mention their room are kept.
	expiry = 75 * time.Second
	// confirmation is how long they are kept after NATS was away.
	confirmation = 9 * time.Second
	// maxTries is how often a snapshot is requested without an answer before the gateway is
	// considered to have no members.
	maxTries = 3
	// reconnectSpread is the time over which the rooms' requests are spread when NATS is back.
	reconnectSpread = 500 * time.Millisecond
)

// Lost removes a lost gateway's members from all rooms; it is for the link. The clients of each
// room are told once.
func (t *Tracker) Lost(gateway string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rooms {
		r.forget(gateway)
		t.notifySoon(r)
	}
}

// Reconnected asks the others for what was missed while they were unreachable, and announces this
// gateway's members; it is for the link. The known members of others are kept for the time that a
// confirmation may take.
func (t *Tracker) Reconnected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, r := range t.rooms {
		r.owe(dueCall)
		r.since = now
		for _, p := range r.peers {
			p.heard = now.Add(confirmation - expiry)
		}
		t.sendIn(r, rand.N(reconnectSpread))
	}
}

// Beat announces this gateway where the others may not be up to date, and gives up members that are
// not confirmed; it is for the link, which calls it every few seconds.
func (t *Tracker) Beat(now time.Time) {
	t.mu.Lock()
	if !t.link.Connected() {
		// Nobody receives a farewell; gateways with members of those rooms give them up when they
		// are not confirmed.
		clear(t.parted)
		t.mu.Unlock()
		return
	}
	out := make([]outgoing, 0, len(t.parted))
	for room, seq := range t.parted {
		if t.rooms[room] == nil {
			out = append(out, t.farewell(room, seq))
		}
	}
	clear(t.parted)
	for _, r := range t.rooms {
		for gateway := range r.peers {
			r.overdue(gateway, now)
		}
		if r.seq > 0 && (r.unannounced || now.Sub(r.announced) >= announceAgain) {
			r.unannounced = false
			r.owe(dueAnnouncement)
		}
		t.notifySoon(r)
		if r.hasNews() {
			t.sendSoon(r)
		}
	}
	t.mu.Unlock()
	t.publish(out)
}
