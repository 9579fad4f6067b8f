// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Identity is who a client is, as whatever has authenticated it states. It says nothing of what the
// application keeps of the client: that is Socket.Data, which the client's own events may change.
type Identity struct {
	// Provider names what has authenticated the client, such as an entry of the configuration. The same
	// user of two providers is two users.
	Provider string `json:"provider,omitempty"`
	// User is the person or the device, as the provider names it: the subject of a token, for example.
	// Required.
	User string `json:"user"`
	// Claims are what else is stated of the client, as a JSON object; nil for nothing.
	Claims json.RawMessage `json:"claims,omitempty"`
	// Expires is when the statement ends; zero for never. Nothing happens by itself then.
	Expires time.Time `json:"expires,omitzero"`
}

// Same reports whether two identities are of the same user. Claims and expiry may differ: a client that has
// renewed its token is the one that it was. A nil Identity is that of an anonymous client; all of them are
// the same.
func (i *Identity) Same(other *Identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return i.Provider == other.Provider && i.User == other.User
}

// ErrIdentitySet is returned for an identity that comes too late: the socket has one, or is connected.
var ErrIdentitySet = errors.New("the identity of a socket is set once, before it connects")

// SetIdentity says who the client is. It is called by a middleware of the namespace, once: from then on
// the identity does not change (ErrIdentitySet). Other errors say that there is no user, that the claims are
// no JSON object, or that all of it takes more than Limits.IdentityBytes.
//
// A client that comes back by Recovery is compared with the one that it says it was. With
// Recovery.RunMiddlewares the middlewares set its identity again; if that is another user's, or one of them
// is anonymous, the client starts a new session, and the one that it has asked for is left alone. Without
// them the socket has the identity that it had.
func (s *Socket) SetIdentity(id Identity) error {
	if id.User == "" {
		return errors.New("set the identity of a socket: there is no user")
	}
	if claims := bytes.TrimSpace(id.Claims); len(claims) > 0 && claims[0] != '{' {
		return errors.New("set the identity of a socket: the claims are no JSON object")
	}
	encoded, err := json.Marshal(&id)
	if err != nil {
		return fmt.Errorf("set the identity of a socket: %w", err)
	}
	if most := s.conn.server.limits.Load().IdentityBytes; len(encoded) > most {
		return fmt.Errorf("set the identity of a socket: it takes %d bytes, more than %d", len(encoded), most)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.needExtras()
	if e.identity != nil || s.state.Load() != stateConnecting {
		return ErrIdentitySet
	}
	e.identity = &id
	return nil
}

// Identity is what a middleware has said of the client by SetIdentity; nil for an anonymous client. It must
// not be changed.
func (s *Socket) Identity() *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extras == nil {
		return nil
	}
	return s.extras.identity
}

// restoreIdentity gives the socket of a client that has come back the identity that it had.
func (s *Socket) restoreIdentity(id *Identity) {
	if id == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needExtras().identity = id
}
