// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// Handshake is the information about a client from its first request and its CONNECT packet. It
// must not be changed.
type Handshake struct {
	// Auth is the client's auth payload, a JSON object; {} if the client gave none.
	Auth json.RawMessage `json:"auth"`
	// Query has the parameters of the connection's first request.
	Query url.Values `json:"query"`
	// Headers has the headers of the connection's first request.
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

// NewHandshake returns the handshake of a client whose connection has begun with a request.
func NewHandshake(first *engineio.Handshake, auth json.RawMessage, connected time.Time) *Handshake {
	return &Handshake{
		Auth:    auth,
		Query:   first.Query,
		Headers: first.Header,
		Address: first.Address,
		Time:    connected,
		Secure:  first.Secure,
	}
}
