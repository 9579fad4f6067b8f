// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
)

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
	if err := id.Check(s.limits().IdentityBytes); err != nil {
		return fmt.Errorf("set the identity of a socket: %w", err)
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

// Handshake returns the information about the client. Each call decodes it again, since few callers
// need it and headers take much memory.
func (s *Socket) Handshake() *Handshake {
	return client.NewHandshake(s.conn.Session().Handshake(), s.auth, time.Unix(0, s.connected))
}

// Auth is Handshake().Auth without the rest.
func (s *Socket) Auth() json.RawMessage { return s.auth }
