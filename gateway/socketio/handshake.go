// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Handshake is the information about a client from its first request and its CONNECT packet. It
// must not be changed.
type Handshake struct {
	// Auth is the client's auth payload, a JSON object; {} if the client gave none.
	Auth json.RawMessage `json:"auth"`
	// Query has the parameters of the connection's first request.
	Query url.Values `json:"query"`
	// Headers are those of the connection's first request.
	Headers http.Header `json:"headers"`
	// Address is the IP address that the connection comes from.
	Address string `json:"address"`
	// Time is when the socket connected.
	Time time.Time `json:"time"`
	// Secure reports whether the first request came over TLS.
	Secure bool `json:"secure"`
}

// DecodeAuth reads the client's auth payload into v, as json.Unmarshal does.
func (h *Handshake) DecodeAuth(v any) error {
	if err := json.Unmarshal(h.Auth, v); err != nil {
		return fmt.Errorf("decode auth: %w", err)
	}
	return nil
}

// noAuth is the payload of a client that gives none.
var noAuth = json.RawMessage("{}")

// Handshake returns the information about the client. Each call decodes it again, since few callers
// need it and headers take much memory.
func (s *Socket) Handshake() *Handshake {
	return handshakeOf(s.conn.session, s.auth, time.Unix(0, s.connected))
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

// authOf is what a CONNECT packet brings.
func authOf(p *parser.Packet) json.RawMessage {
	if len(p.Payload) == 0 {
		return noAuth
	}
	return p.Payload
}
