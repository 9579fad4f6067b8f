// SPDX-License-Identifier: Apache-2.0

package recovery

// state is whose a session is; see the diagram in doc.go.
type state uint8

const (
	// taking: the first message of this gateway is on its way, or not sent yet, and only its outcome tells whose the session is.
	taking state = iota
	// kept: it is this gateway's, and each change is stored.
	kept
	// suspended: the log that had it is lost, and nothing is stored until all gateways use the next one.
	suspended
	// over: it has ended, or is another gateway's. Only its last record may still be stored.
	over
)

// flight is what is on its way to the log.
type flight uint8

const (
	// idle: nothing is.
	idle flight = iota
	// sending: a message, with all that has changed.
	sending
	// outdated: a message, and something has changed since. What comes next is sent when its outcome is known.
	outdated
)

// outcome is what has become of a message.
type outcome uint8

const (
	// stored: the log has it.
	stored outcome = iota
	// taken: the log has a message of another gateway in its place.
	taken
	// later: it is not stored now, and what it says may be later.
	later
	// never: what it says can never be stored.
	never
)

// action is what a session is to do next.
type action uint8

const (
	nothing action = iota
	// send sends what has changed, sendLast the last record.
	send
	sendLast
	// wait leaves it to the outcome of the message that is on its way.
	wait
	// update brings the record up to date, which is sent when the session is no longer suspended.
	update
	// end ends the session, as a change of it cannot be stored.
	end
)

// machine decides what is stored of a session, and when. It neither sends nor waits. Not safe for concurrent use.
type machine struct {
	state  state
	flight flight
}

// change is told that something has changed. It is nothing for a session that is over.
func (m *machine) change() action {
	switch {
	case m.state == over:
		return nothing
	case m.state == suspended:
		return update
	}
	return m.next(send)
}

// next is an action for now, or wait if a message is on its way.
func (m *machine) next(a action) action {
	if m.flight == idle {
		return a
	}
	m.flight = outdated
	return wait
}

// sent is told that a message is on its way.
func (m *machine) sent() { m.flight = sending }

// answered is told the outcome of the message that was on its way.
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

// finish makes what is sent next the last. A suspended session has no record in the log that could be found.
func (m *machine) finish() action {
	before := m.state
	m.state = over
	if before == over || before == suspended {
		return nothing
	}
	return m.next(sendLast)
}

// abandon makes the session another's: nothing more is sent.
func (m *machine) abandon() {
	m.state = over
	if m.flight == outdated {
		m.flight = sending
	}
}

// suspend is told that the log is lost. A session that has never been stored goes on: it is stored in the next one.
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

// resume is told that all gateways use the next log.
func (m *machine) resume() action {
	if m.state != suspended {
		return nothing
	}
	m.state = kept
	return m.next(send)
}

// isIdle tells whether the session is kept, and nothing is on its way.
func (m *machine) isIdle() bool { return m.state == kept && m.flight == idle }
