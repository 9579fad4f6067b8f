// SPDX-License-Identifier: Apache-2.0

package client

import "errors"

// The reasons why a session is not recovered.
var (
	// ErrUnavailable: the session cannot be recovered now, but perhaps later.
	ErrUnavailable = errors.New("sessions cannot be recovered now")
	// ErrSessionEnded: the session no longer exists.
	ErrSessionEnded = errors.New("the session has ended")
	// ErrTooMuchMissed: the client has missed more than is stored for it.
	ErrTooMuchMissed = errors.New("too much was missed")
)

// Session is what a SessionKeeper has stored of a socket.
type Session struct {
	// PID is the private id by which a client asks for the session. It is a bearer secret: anybody
	// who has it can take the session over.
	PID string
	// SocketID is the socket's id.
	SocketID string
	// Identity is who the client was; nil if it was anonymous.
	Identity *Identity
	// Data is the socket's data, as encoded by Recovery.EncodeData; nil if there was none.
	Data []byte
	// Holder names the socket that has the session, or had it last. Each Recover changes it.
	Holder string
	// State is for the keeper's own use.
	State any

	// own, allows and enters are nil if all rooms are allowed; see Restrict. judged and entered are
	// the answers of the latter until now.
	own, allows, enters func(room string) bool
	judged, entered     map[string]bool
}

// Restrict sets the functions that decide about the rooms of the session; see Allows and Enters.
// Each of those two is called once for each room, except for the socket's own ones, for which own
// returns true. With nil, all rooms are allowed.
func (s *Session) Restrict(own, allows, enters func(room string) bool) {
	s.own, s.allows, s.enters = own, allows, enters
	s.judged, s.entered = map[string]bool{}, map[string]bool{}
}

// Allows reports whether the socket that takes the session over may have what was sent to a room
// that it had left; see Namespace.SetJoinRule. It is for Recover, in the same goroutine and without
// holding a lock of the keeper: the rule may ask for the socket's rooms.
func (s *Session) Allows(room string) bool { return s.ask(s.allows, s.judged, room) }

// Enters is Allows for a room that the socket is about to be in again: it also takes the place that
// the socket has there; see Namespace.SetPlaces.
func (s *Session) Enters(room string) bool { return s.ask(s.enters, s.entered, room) }

func (s *Session) ask(f func(room string) bool, answers map[string]bool, room string) bool {
	if f == nil || s.own(room) {
		return true
	}
	answer, known := answers[room]
	if !known {
		answer = f(room)
		answers[room] = answer
	}
	return answer
}

// Entered returns the rooms for which Enters has taken a place.
func (s *Session) Entered() (rooms []string) {
	for room, answer := range s.entered {
		if answer {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// AllowsAll reports whether there is no rule to ask.
func (s *Session) AllowsAll() bool { return s.allows == nil }
