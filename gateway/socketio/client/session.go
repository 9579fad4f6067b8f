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

	// allows is nil if all rooms are allowed; see Allows. judged has its previous answers.
	allows func(room string) bool
	judged map[string]bool
}

// Restrict sets the function that decides with which of its rooms the session may be recovered. It
// is called once for each room; nil allows all.
func (s *Session) Restrict(allows func(room string) bool) {
	s.allows, s.judged = allows, map[string]bool{}
}

// Allows reports whether the socket that takes the session over may be in one of its rooms; see
// Namespace.SetJoinRule. It is for Recover, in the same goroutine and without holding a lock of the
// keeper: the rule may ask for the socket's rooms.
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

// AllowsAll reports whether there is no rule to ask.
func (s *Session) AllowsAll() bool { return s.allows == nil }
