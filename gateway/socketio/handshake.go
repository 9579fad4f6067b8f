// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Handshake is what is known of a client from its first request and its CONNECT packet. Not to be changed.
type Handshake struct {
	// Auth is the client's auth payload, a JSON object; {} when it gave none.
	Auth json.RawMessage `json:"auth"`
	// Query are the parameters of the connection's first request.
	Query url.Values `json:"query"`
	// Headers are those of the connection's first request.
	Headers http.Header `json:"headers"`
	// Address is the IP address that the connection came from.
	Address string `json:"address"`
	// Time is when the socket connected.
	Time time.Time `json:"time"`
	// Secure tells whether the first request came by TLS.
	Secure bool `json:"secure"`
}

// DecodeAuth reads the client's auth payload into v, as json.Unmarshal does.
func (h *Handshake) DecodeAuth(v any) error {
	if err := json.Unmarshal(h.Auth, v); err != nil {
		return fmt.Errorf("decode auth: %w", err)
	}
	return nil
}

// handshake is what a CONNECT packet and the first request tell.
func (c *connection) handshake(p *packet) Handshake {
	auth := p.payload
	if len(auth) == 0 {
		auth = []byte("{}")
	}
	first := c.session.Handshake()
	return Handshake{
		Auth:    auth,
		Query:   first.Query,
		Headers: first.Header,
		Address: first.Address,
		Time:    time.Now(),
		Secure:  first.Secure,
	}
}
