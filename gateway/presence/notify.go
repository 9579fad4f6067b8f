// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// notifyWindow is how long changes are gathered before the clients of this gateway are told; a
	// room gets one batch per window.
	notifyWindow = 100 * time.Millisecond
	// maxChanges bounds the changes of a batch: telling everybody about everybody grows with the
	// square of the room.
	maxChanges = 100
	// statePage is how many members a new member is told of.
	statePage = 100
	// maxAtOnce is how many sockets receive a state by one broadcast, which compares them with each
	// other.
	maxAtOnce = 32
)

// Member is a socket in a room, as others see it.
type Member struct {
	ID string `json:"id"`
	// Info is the result of Config.Info; nil if there is none.
	Info json.RawMessage `json:"info,omitempty"`
}

// Batch is what has changed in a room since the previous batch: the argument of the event
// `presence`.
type Batch struct {
	Room    string   `json:"room"`
	Count   int      `json:"count"`
	Joined  []Member `json:"joined"`
	Left    []Member `json:"left"`
	Updated []Member `json:"updated,omitempty"`
	// Truncated means that there are more changes than the lists have; Count is exact.
	Truncated bool `json:"truncated,omitempty"`
}

// notifySoon schedules a batch for the clients. The caller holds mu.
func (t *Tracker) notifySoon(r *room) {
	if r.notifying || t.closed || len(r.forClients)+len(r.arrived) == 0 {
		return
	}
	r.notifying = true
	time.AfterFunc(notifyWindow, func() { t.notify(r) })
}

// notify sends a batch to the members on this gateway, and a state to the new ones. It runs once at
// a time for a room.
func (t *Tracker) notify(r *room) {
	t.mu.Lock()
	if t.closed || r.state == roomEnded {
		t.mu.Unlock()
		return
	}
	batch, blind := r.takeBatch(), slices.Collect(maps.Keys(r.blind))
	arrived := slices.DeleteFunc(r.arrived, func(id string) bool { return !r.hasLocal(id) || r.blind[id] })
	r.arrived = nil
	var state Page
	if len(arrived) > 0 {
		state = r.pageOf("", statePage, false)
	}
	t.mu.Unlock()

	// NewArgs does not fail for a State.
	if args, err := socketio.NewArgs(&state); err == nil {
		for some := range slices.Chunk(arrived, maxAtOnce) {
			_ = t.namespace.To(some...).Local().EmitArgs(EventName, args)
		}
	}
	if batch != nil {
		_ = t.namespace.To(r.name).Except(blind...).Local().Emit(EventName, batch)
		t.batches.Add(1)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	r.notifying = false
	t.notifySoon(r)
}

// takeBatch returns the batch; nil if nothing has changed after all. The caller holds mu.
func (r *room) takeBatch() *Batch {
	if len(r.forClients) == 0 {
		return nil
	}
	all := make([]noted, 0, len(r.forClients))
	for _, n := range r.forClients {
		all = append(all, n)
	}
	r.forClients = changes{}
	b := &Batch{Room: r.name, Count: len(r.members), Joined: []Member{}, Left: []Member{}}
	slices.SortFunc(all, func(a, b noted) int { return cmp.Compare(a.member.ID, b.member.ID) })
	if len(all) > maxChanges {
		b.Truncated = true
		all = all[:maxChanges]
	}
	for _, n := range all {
		switch n.change {
		case joined:
			b.Joined = append(b.Joined, n.member.Member)
		case left:
			b.Left = append(b.Left, n.member.Member)
		case updated:
			b.Updated = append(b.Updated, n.member.Member)
		}
	}
	return b
}
