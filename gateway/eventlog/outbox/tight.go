// SPDX-License-Identifier: Apache-2.0

package outbox

// postpone is called when JetStream has no room for a message now. Smaller messages in flight
// behind it may still fit, and so may others when there is room again. From now on the outbox is
// tight: one message of a subject is in flight at a time, so that no other overtakes it, until all
// messages that wait now are stored. The lock is held.
func (o *Outbox) postpone(m *Message) {
	m.postponed = true
	o.tight, o.tightUntil = true, o.last
}

// single reports whether only one message of a subject may be in flight at a time. The lock is
// held.
func (o *Outbox) single() bool { return o.oneBySubject || o.tight }

// rejectOvertaken rejects postponed messages that others of their subject have overtaken: if they
// were stored now they would be out of order. A refusal that was lost with the connection is not
// known here: then the message is sent again, and may be stored after a smaller one of its subject.
// The lock is held, and nothing is in flight.
func (o *Outbox) rejectOvertaken() {
	if !o.tight {
		return
	}
	o.tightUntil = o.last
	later := map[string]bool{} // subjects with a later message that is stored
	for i := len(o.messages) - 1; i >= 0; i-- {
		m := o.messages[i]
		switch {
		case m.state == stored:
			later[m.Subject] = true
		case m.postponed && !m.state.isFinal() && later[m.Subject]:
			o.reject(m, ErrOvertaken)
		}
		m.postponed = false
	}
}

// relax ends the tight state when all messages that waited in it have an outcome. The lock is held.
func (o *Outbox) relax() {
	if !o.tight || len(o.messages) > 0 && o.messages[0].serial <= o.tightUntil {
		return
	}
	o.tight = false
	if o.oneBySubject {
		return
	}
	o.ready, o.blocked = nil, nil
	for _, m := range o.messages {
		m.leads = false
		if m.state == pending {
			o.ready = append(o.ready, m)
		}
	}
}
