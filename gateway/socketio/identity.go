// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
)

// ErrIdentitySet is returned if the socket already has an identity, or is connected.
var ErrIdentitySet = errors.New("the identity of a socket is set once, before it connects")

// SetIdentity sets the identity of the client. A middleware of the namespace calls it, once; after
// that the identity does not change (ErrIdentitySet). It also returns an error if there is no user,
// if the claims are not a JSON object, or if the identity takes more than Limits.IdentityBytes.
//
// The identity of a client that asks for recovery is compared with that of its session. With
// Recovery.RunMiddlewares the middlewares set it again: if it belongs to another user, or one of
// the two is anonymous, the client starts a new session, and the former one is left alone. Without
// RunMiddlewares the socket has its former identity.
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

// Identity returns the identity that a middleware has set by SetIdentity; nil for an anonymous
// client. It must not be changed.
func (s *Socket) Identity() *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extras == nil {
		return nil
	}
	return s.extras.identity
}

// restoreIdentity gives a recovered socket its former identity.
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

// Request returns the connection's first request, with the value of its context for a key.
func (s *Socket) Request(key any) (*engineio.Handshake, any) {
	return s.conn.Session().Handshake(), s.conn.Session().Value(key)
}

// Connection stands for the connection: all sockets of a connection return the same value, which is
// comparable, and those of others another one.
func (s *Socket) Connection() any { return s.conn }

// Auth returns Handshake().Auth without decoding the rest.
func (s *Socket) Auth() json.RawMessage { return s.auth }
