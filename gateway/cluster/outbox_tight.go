// SPDX-License-Identifier: Apache-2.0

package cluster

import "errors"

// errOvertaken is the outcome of a message that JetStream had no room for, but had for a later one of the same subject.
var errOvertaken = errors.New("JetStream had no room for it, and has stored a later message of its subject")

// postpone is told that JetStream has no room for a message now. Smaller messages that are on their way behind it may still fit,
// and so may others when there is room again. From now on the outbox is tight: one message of a subject is on its way at a time,
// so that no other overtakes it, until all that waits now is stored. The lock is held.
func (o *outbox) postpone(e *entry) {
	e.postponed = true
	o.tight, o.tightUntil = true, o.last
}

// single tells whether one message of a subject may be on its way at a time. The lock is held.
func (o *outbox) single() bool { return o.oneBySubject || o.tight }

// rejectOvertaken rejects postponed messages that others of their subject have overtaken: stored now they would be out of
// order. The lock is held, and nothing is on its way.
func (o *outbox) rejectOvertaken() {
	if !o.tight {
		return
	}
	o.tightUntil = o.last
	later := map[string]bool{} // subjects with a later message that is stored
	for i := len(o.entries) - 1; i >= 0; i-- {
		e := o.entries[i]
		switch {
		case e.state == stored:
			later[e.subject] = true
		case e.postponed && !e.state.isFinal() && later[e.subject]:
			o.reject(e, errOvertaken)
		}
		e.postponed = false
	}
}

// relax ends the tight state when all that waited in it has an outcome. The lock is held.
func (o *outbox) relax() {
	if !o.tight || len(o.entries) > 0 && o.entries[0].serial <= o.tightUntil {
		return
	}
	o.tight = false
	if o.oneBySubject {
		return
	}
	o.ready, o.behind = nil, nil
	for _, e := range o.entries {
		e.leads = false
		if e.state == pending {
			o.ready = append(o.ready, e)
		}
	}
}
