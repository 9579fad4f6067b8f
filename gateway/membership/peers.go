// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"sync"
	"time"
)

// table has the state of the other gateways of the service. Safe for concurrent use.
type table struct {
	mu sync.Mutex
	// present has the live gateways. Guarded by mu.
	present map[string]presentPeer
	// absent has the gateways that are known not to be alive. Guarded by mu.
	absent map[string]absentPeer
	// asked is when this gateway last asked which gateways are alive. Guarded by mu.
	asked time.Time
	// hearing is since when this gateway receives all announcements; see livenessWindow. Guarded by
	// mu.
	hearing time.Time
	// changed is closed when a gateway has appeared or was lost, or has changed its fields. Guarded
	// by mu.
	changed chan struct{}
}

// presentPeer is a live gateway: its fields, and when it was last heard from.
type presentPeer struct {
	Fields
	heard time.Time
	// gone is closed when the gateway is lost, even if it comes back.
	gone chan struct{}
}

// absentPeer is a gateway that is not alive.
type absentPeer struct {
	since time.Time
	// left: the gateway has announced that it leaves. It does not come back, since an id belongs to
	// one process.
	left bool
}

func newTable() *table {
	return &table{present: map[string]presentPeer{}, absent: map[string]absentPeer{}, changed: make(chan struct{})}
}

// state is what is known of a gateway's liveness.
type state uint8

const (
	stateUnknown state = iota
	statePresent
	stateAbsent
)

// look returns what is known of a gateway, and a channel that is closed when something changes for
// any of them.
func (t *table) look(id string) (address string, s state, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.present[id]; ok {
		return p.Address, statePresent, t.changed
	}
	if _, ok := t.absent[id]; ok {
		return "", stateAbsent, t.changed
	}
	return "", stateUnknown, t.changed
}

func (t *table) list() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]string, 0, len(t.present))
	for id := range t.present {
		ids = append(ids, id)
	}
	return ids
}

// alive stores that a gateway is alive. It returns false if the gateway has left: gateways of an
// earlier release may send another heartbeat after their farewell.
func (t *table) alive(id string, fields Fields, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.absent[id].left {
		return false
	}
	p, known := t.present[id]
	if !known {
		p.gone = make(chan struct{})
		delete(t.absent, id)
	}
	changed := !known || p.Fields != fields
	p.Fields, p.heard = fields, now
	t.present[id] = p
	if changed {
		t.turned()
	}
	return true
}

// gone stores that a gateway is lost, and whether it has announced that itself.
func (t *table) gone(id string, left bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.present[id]; ok {
		close(p.gone)
		delete(t.present, id)
	}
	t.absent[id] = absentPeer{now, left}
	t.turned()
}

// endOf returns a channel that is closed when a live gateway is lost; nil for a gateway that is not
// alive.
func (t *table) endOf(id string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.present[id]; ok {
		return p.gone
	}
	return nil
}

// silent returns the gateways that have not been heard from since a time.
func (t *table) silent(since time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for id, p := range t.present {
		if p.heard.Before(since) {
			ids = append(ids, id)
		}
	}
	return ids
}

// allTakeDeltas reports whether all others understand the deltas of sessions.
func (t *table) allTakeDeltas() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.present {
		if !p.Deltas {
			return false
		}
	}
	return true
}

// elsewhere is Peers.Elsewhere for a given server.
func (t *table) elsewhere(own string, mute map[string]time.Time) map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found map[string]string
	for id, p := range t.present {
		if p.Server == "" || p.Server == own {
			continue
		}
		if since, ok := mute[id]; ok && !p.heard.After(since) {
			continue
		}
		if found == nil {
			found = make(map[string]string, len(t.present))
		}
		found[id] = p.Server
	}
	return found
}

// askDue reports whether it is time to ask which gateways are alive; if so, the caller asks.
func (t *table) askDue(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.asked) < askAgain {
		return false
	}
	t.asked = now
	return true
}

// missed stores that a gateway did not answer.
func (t *table) missed(id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, present := t.present[id]
	if _, absent := t.absent[id]; !present && !absent {
		t.absent[id] = absentPeer{since: now}
	}
}

// hears sets since when this gateway receives all announcements.
func (t *table) hears(since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hearing = since
}

func (t *table) hearingSince() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hearing
}

func (t *table) forgetAbsent(before time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, p := range t.absent {
		if p.since.Before(before) {
			delete(t.absent, id)
		}
	}
}

// turned wakes the callers that wait for a change. The lock is held.
func (t *table) turned() {
	close(t.changed)
	t.changed = make(chan struct{})
}
