// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
)

// SetIdentity sets the identity of the client. A middleware of the namespace calls it, once; after
// that the user does not change (ErrIdentitySet). It also returns an error if there is no user, if
// the claims are not a JSON object, or if the identity takes more than Limits.IdentityBytes.
//
// The identity of a client that asks for recovery is compared with that of its session. With
// Recovery.RunMiddlewares the middlewares set it again: if it belongs to another user, or one of
// the two is anonymous, the client starts a new session, and the former one is left alone. Without
// RunMiddlewares the socket has the identity with which it first connected.
func (s *Socket) SetIdentity(id Identity) error {
	if s.state.Load() != stateConnecting {
		return ErrIdentitySet
	}
	return s.holder().Set(id, s.limits().IdentityBytes)
}

// RenewIdentity replaces the identity by a newer one of the same user, with other claims or another
// expiry. It returns ErrOtherUser if the user or the provider differs, or the client is anonymous,
// and the errors of SetIdentity. Rooms are not judged again; see LeaveWhere.
func (s *Socket) RenewIdentity(id Identity) error {
	return s.holder().Renew(id, s.limits().IdentityBytes)
}

// Identity returns the identity that a middleware has set by SetIdentity; nil for an anonymous
// client. It must not be changed.
func (s *Socket) Identity() *Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extras == nil {
		return nil
	}
	return s.extras.identity.Get()
}

func (s *Socket) holder() *client.Holder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &s.needExtras().identity
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

// SetAuth replaces Auth, before the socket connects: what has authenticated it may hide its token.
func (s *Socket) SetAuth(auth json.RawMessage) { s.auth = auth }
