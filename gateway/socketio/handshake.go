// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// Handshake returns the information about the client. Each call decodes it again, since few callers
// need it and headers take much memory.
func (s *Socket) Handshake() *Handshake {
	return handshakeOf(s.conn.Session(), s.auth, time.Unix(0, s.connected))
}

// Auth is Handshake().Auth without the rest.
func (s *Socket) Auth() json.RawMessage { return s.auth }

func handshakeOf(session *engineio.Session, auth json.RawMessage, connected time.Time) *Handshake {
	first := session.Handshake()
	return &Handshake{
		Auth:    auth,
		Query:   first.Query,
		Headers: first.Header,
		Address: first.Address,
		Time:    connected,
		Secure:  first.Secure,
	}
}
