// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"math/rand/v2"
	"time"
)

const (
	// announceAgain is how often a gateway announces how far it is with each room, even if nothing has changed: by that others
	// find what they have missed without a gap to show it.
	announceAgain = 30 * time.Second
	// expiry is how long members are kept of a gateway that lives but says nothing of their room.
	expiry = 75 * time.Second
	// confirmation is how long they are kept after NATS was away.
	confirmation = 9 * time.Second
	// maxTries is how often a gateway is requested for a snapshot in vain before it is taken for one that has none.
	maxTries = 3
	// reconnectSpread is over how long the rooms ask when NATS is back.
	reconnectSpread = 500 * time.Millisecond
)

// Lost takes a gateway's members out of all rooms, since it is no more; it is for the link. Each room is told once.
func (t *Tracker) Lost(gateway string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rooms {
		r.forget(gateway)
		t.notifySoon(r)
	}
}

// Reconnected asks the others for what was missed while they were out of reach, and tells them what they have; it is for the
// link. What is known of others stays for as long as it takes them to confirm it.
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

// Beat says to the others how far this gateway is, where they may not know, and gives up what nobody confirms; it is for the
// link, which calls it every few seconds.
func (t *Tracker) Beat(now time.Time) {
	t.mu.Lock()
	if !t.link.Connected() {
		// Nobody hears a farewell; who holds members of those rooms gives them up when we do not confirm them.
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
