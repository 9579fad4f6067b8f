// SPDX-License-Identifier: Apache-2.0

package protocol

import "net/http"

// Dialer opens a client's sessions, and sends each of its requests to the gateway that is next.
type Dialer struct {
	gateway func() (string, error)
	line    *Line
	http    *http.Client
}

// NewDialer returns a dialer whose connections go over the line. gateway is the host:port for the
// next connection, or request of a session by polling.
func NewDialer(gateway func() (string, error), line *Line) *Dialer {
	return &Dialer{gateway: gateway, line: line, http: &http.Client{Transport: &http.Transport{
		DialContext: line.Dial, MaxIdleConnsPerHost: 2, DisableCompression: true,
	}}}
}

// CloseIdleConnections ends the connections that no session uses.
func (d *Dialer) CloseIdleConnections() { d.http.CloseIdleConnections() }
