// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"sync"
	"time"
)

// table is what is known of the other gateways of the service. Safe for concurrent use.
type table struct {
	mu sync.Mutex
	// present are those that are alive. Guarded by mu.
	present map[string]presentPeer
	// absent are those that are known not to be there. Guarded by mu.
	absent map[string]absentPeer
	// asked is when this gateway last asked who is there. Guarded by mu.
	asked time.Time
	// hearing is since when this gateway hears all that others say; see livenessWindow. Guarded by mu.
	hearing time.Time
	// changed is closed when another one has come or gone, or says something else of itself. Guarded by
	// mu.
	changed chan struct{}
}

// presentPeer is a gateway that is there: what it says of itself, and when it was heard last.
type presentPeer struct {
	Fields
	heard time.Time
	// gone is closed when it is not there any more, even if it comes back.
	gone chan struct{}
}

// absentPeer is a gateway that is not there.
type absentPeer struct {
	since time.Time
	// left: it has said so. It does not come back, since an id is one process's.
	left bool
}

func newTable() *table {
	return &table{present: map[string]presentPeer{}, absent: map[string]absentPeer{}, changed: make(chan struct{})}
}

// state is what is known of whether a gateway is there.
type state uint8

const (
	stateUnknown state = iota
	statePresent
	stateAbsent
)

// look tells what is known of a gateway, and what is closed when more is known of any.
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

// alive notes that a gateway is there. It is false for one that has left: gateways of an earlier release
// may beat once more after their farewell.
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

// gone notes that a gateway is not there any more, and whether it has said so.
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

// endOf is closed when a gateway that is there is not any more; nil for one that is not.
func (t *table) endOf(id string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.present[id]; ok {
		return p.gone
	}
	return nil
}

// silent are those not heard of since a time.
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

// allTakeDeltas tells whether all others understand the deltas of sessions.
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

// elsewhere are the gateways that answer echoes and are on another server than the given one, with
// their servers; without those that have been mute since they were heard of last.
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

// askDue is true if it is time to ask who is there, which the caller then does.
func (t *table) askDue(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.asked) < askAgain {
		return false
	}
	t.asked = now
	return true
}

// missed remembers that a gateway did not answer.
func (t *table) missed(id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, present := t.present[id]
	if _, absent := t.absent[id]; !present && !absent {
		t.absent[id] = absentPeer{since: now}
	}
}

// hears notes since when this gateway hears all that others say.
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

// turned wakes who waits for another gateway. The lock is held.
func (t *table) turned() {
	close(t.changed)
	t.changed = make(chan struct{})
}
