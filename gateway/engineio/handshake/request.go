// SPDX-License-Identifier: Apache-2.0

// Package handshake keeps the request that began a session, in little memory, whose size is limited
// whatever a client sends.
package handshake

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

// Request is the information from the request that began a session.
type Request struct {
	// Address is the client's IP address, or the last proxy's.
	Address string
	// RemoteAddr is the address with the port, as in net/http.
	RemoteAddr string
	// Host is the requested host.
	Host string
	// URL is the path and the query as sent.
	URL string
	// Header has the request's headers.
	Header http.Header
	// Query has the parameters of the query, EIO and transport among them.
	Query url.Values
	// Secure reports whether the request came over TLS.
	Secure bool
	// Time is when the request arrived.
	Time time.Time
}

// Address returns the IP address of a remote address.
func Address(remote string) string {
	address, _, err := net.SplitHostPort(remote)
	if err != nil { // a listener that is not TCP
		return remote
	}
	return address
}
