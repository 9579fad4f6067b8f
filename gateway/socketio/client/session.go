// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"slices"
)

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
	own, allows     func(room string) bool
	enters          func(rooms []string) []bool
	judged, entered map[string]bool
}

// Restrict sets the functions that decide about the rooms of the session; see Allows and Enter.
// Each of those two is asked once about each room, except for the socket's own ones, for which own
// returns true. With nil, all rooms are allowed.
func (s *Session) Restrict(own, allows func(room string) bool, enters func(rooms []string) []bool) {
	s.own, s.allows, s.enters = own, allows, enters
	s.judged, s.entered = map[string]bool{}, map[string]bool{}
}

// Allows reports whether the socket that takes the session over may have what was sent to a room
// that it had left; see Namespace.SetJoinRule. It is for Recover, in the same goroutine and without
// holding a lock of the keeper: the rule may ask for the socket's rooms.
func (s *Session) Allows(room string) bool {
	if s.allows == nil || s.own(room) {
		return true
	}
	answer, known := s.judged[room]
	if !known {
		answer = s.allows(room)
		s.judged[room] = answer
	}
	return answer
}

// Enter is Allows for rooms that the socket is about to be in again: it also takes the places that
// the socket has there, all at the same time; see Namespace.SetPlaces. It returns the rooms that
// the socket may be in.
func (s *Session) Enter(rooms ...string) []string {
	if s.enters == nil {
		return rooms
	}
	var ask []string
	for _, room := range rooms {
		if _, known := s.entered[room]; !known && !s.own(room) {
			ask = append(ask, room)
		}
	}
	if len(ask) > 0 {
		for i, answer := range s.enters(ask) {
			s.entered[ask[i]] = answer
		}
	}
	return slices.DeleteFunc(slices.Clone(rooms), func(room string) bool { return !s.own(room) && !s.entered[room] })
}

// Entered returns the rooms for which Enter has taken a place.
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
