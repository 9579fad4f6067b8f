// SPDX-License-Identifier: Apache-2.0

package client

import "errors"

// Why a session cannot be recovered.
var (
	// ErrUnavailable: not now, but perhaps later.
	ErrUnavailable = errors.New("sessions cannot be recovered now")
	// ErrSessionEnded: there is none any more.
	ErrSessionEnded = errors.New("the session has ended")
	// ErrTooMuchMissed: the client has missed more than is kept for it.
	ErrTooMuchMissed = errors.New("too much was missed")
)

// Session is what a SessionKeeper has kept of a socket.
type Session struct {
	// PID is the private id, by which a client asks for the session. Who knows it can take the session over.
	PID string
	// SocketID is the socket's id.
	SocketID string
	// Identity is who the client was; nil if it was anonymous.
	Identity *Identity
	// Data is the socket's data, as Recovery.EncodeData has written it; nil if there was none.
	Data []byte
	// Holder names the socket that has the session, or had it last. It is another one after each Recover.
	Holder string
	// State is the keeper's own.
	State any

	// allows is nil where all rooms are; see Allows. judged is what it has said.
	allows func(room string) bool
	judged map[string]bool
}

// Restrict has a function say which of its rooms the session may be recovered with, once about each; nil allows all.
func (s *Session) Restrict(allows func(room string) bool) {
	s.allows, s.judged = allows, map[string]bool{}
}

// Allows reports whether the socket that takes the session over may be in one of its rooms; see
// Namespace.SetJoinRule. It is for Recover, in the same goroutine and without a lock of the keeper's: the
// rule may ask for the socket's rooms.
func (s *Session) Allows(room string) bool {
	if s.allows == nil {
		return true
	}
	allowed, known := s.judged[room]
	if !known {
		allowed = s.allows(room)
		s.judged[room] = allowed
	}
	return allowed
}

// AllowsAll reports whether no rule has to be asked.
func (s *Session) AllowsAll() bool { return s.allows == nil }
