// SPDX-License-Identifier: Apache-2.0

package recovery

// state is the state of a session; see the diagram in doc.go.
type state uint8

const (
	// taking: the first message of this gateway is in flight, or not sent yet, and only its outcome
	// decides to whom the session belongs.
	taking state = iota
	// kept: the session belongs to this gateway, and each change is stored.
	kept
	// suspended: the log incarnation that had the session is lost, and nothing is stored until all
	// gateways use the next one.
	suspended
	// over: the session has ended, or belongs to another gateway. Only its last record may still be
	// stored.
	over
)

// flight is the state of the message to the log.
type flight uint8

const (
	// idle: no message is in flight.
	idle flight = iota
	// sending: a message with all changes is in flight.
	sending
	// outdated: a message is in flight, and there are later changes. The next message is sent when
	// its outcome is known.
	outdated
)

// outcome is the outcome of a message.
type outcome uint8

const (
	// stored: the log has stored it.
	stored outcome = iota
	// taken: the log has a message of another gateway in its place.
	taken
	// later: it was not stored now; its content may be stored later.
	later
	// never: its content can never be stored.
	never
)

// action is what a session does next.
type action uint8

const (
	nothing action = iota
	// send sends the changes, sendLast the last record.
	send
	sendLast
	// wait does nothing before the outcome of the message in flight.
	wait
	// update updates the record, which is sent when the session is no longer suspended.
	update
	// end ends the session, since a change of it cannot be stored.
	end
)

// machine decides what is stored of a session, and when. It neither sends nor waits. Not safe for
// concurrent use.
type machine struct {
	state  state
	flight flight
}

// change is called for each change. It has no effect on a session that is over.
func (m *machine) change() action {
	switch {
	case m.state == over:
		return nothing
	case m.state == suspended:
		return update
	}
	return m.next(send)
}

// next returns the action, or wait if a message is in flight.
func (m *machine) next(a action) action {
	if m.flight == idle {
		return a
	}
	m.flight = outdated
	return wait
}

// sent is called when a message has been sent.
func (m *machine) sent() { m.flight = sending }

// answered is called with the outcome of the message in flight.
func (m *machine) answered(o outcome) action {
	newer := m.flight == outdated
	m.flight = idle
	switch {
	case o == taken && m.state != over:
		m.state = over
		return nothing
	case o == stored && m.state == taking:
		m.state = kept
	case o == never && (m.state == taking || m.state == kept):
		return end
	}
	switch {
	case !newer:
		return nothing
	case m.state == over:
		return sendLast
	}
	return send
}

// finish makes the next message the last one. A suspended session has no record in the log that
// could be found.
func (m *machine) finish() action {
	before := m.state
	m.state = over
	if before == over || before == suspended {
		return nothing
	}
	return m.next(sendLast)
}

// abandon gives the session up to another gateway: nothing more is sent.
func (m *machine) abandon() {
	m.state = over
	if m.flight == outdated {
		m.flight = sending
	}
}

// suspend is called when the log is lost. A session that has never been stored continues: it is
// stored in the next log incarnation.
func (m *machine) suspend(neverStored bool) (suspends bool) {
	if m.state != kept || neverStored && m.flight != idle {
		return false
	}
	m.state = suspended
	if m.flight == outdated {
		m.flight = sending
	}
	return true
}

// resume is called when all gateways use the next log incarnation.
func (m *machine) resume() action {
	if m.state != suspended {
		return nothing
	}
	m.state = kept
	return m.next(send)
}

// isIdle reports whether the session is kept, and no message is in flight.
func (m *machine) isIdle() bool { return m.state == kept && m.flight == idle }
