// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"net/url"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// Handshake is what the request that began a session told.
type Handshake struct {
	// Address is the client's IP address, or the last proxy's.
	Address string
	// RemoteAddr is the address with the port, as net/http gives it.
	RemoteAddr string
	// Host is the host that the client asked for.
	Host string
	// URL is the path and the query as they were sent.
	URL string
	// Header are the request's headers.
	Header http.Header
	// Query are the parameters of the query, EIO and transport among them.
	Query url.Values
	// Secure says that the request came over TLS.
	Secure bool
	// Time is when the request came.
	Time time.Time
}

// AddressOf is the IP address that a request came from: the client's, or the last proxy's.
func AddressOf(r *http.Request) string { return httpx.Address(r.RemoteAddr) }
