// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/gateway/internal/query"
)

// PeerOptions configure a PeerHandler.
type PeerOptions struct {
	// Local serves the sessions of this gateway.
	Local http.Handler
	// Path is the prefix of the engine's requests, with a slash at its end.
	Path func() string
	// Release answers the waiting poll of a session, if there is one, with an empty payload.
	Release func(sessionID string)
	// Operator serves the operator; nil: it is refused.
	Operator http.Handler
}

// PeerHandler serves what peers forward to this gateway, on a listener with Identity.ServerConfig:
// requests for sessions, and nothing else. It never forwards: two gateways that consider each other
// the owner would do so forever. The operator, identified by its certificate, is served by a
// separate handler that peers cannot reach.
func PeerHandler(o PeerOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := r.Header.Get(clientAddressHeader)
		id := query.Pick(r.URL.RawQuery, "sid").Get("sid")
		switch {
		case o.Operator != nil && isOperator(r):
			o.Operator.ServeHTTP(w, r)
			return
		case !isPeer(r):
			http.Error(w, "a gateway's certificate is needed", http.StatusForbidden)
			return
		case address == "" || id == "" || !strings.HasPrefix(r.URL.Path, o.Path()):
			http.NotFound(w, r)
			return
		case r.Header.Get(releaseHeader) != "":
			o.Release(id)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		// The handlers see the client's request: with its address, and without the TLS between
		// gateways.
		r = r.WithContext(r.Context())
		r.Header.Del(clientAddressHeader)
		r.RemoteAddr, r.TLS = address, nil
		o.Local.ServeHTTP(w, r)
	})
}

// leaf returns the sender's certificate, if the service's authority has signed it; nil otherwise.
func leaf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// isOperator requires the exact name: gateways' certificates that are made by hand may have a
// pattern.
func isOperator(r *http.Request) bool {
	c := leaf(r)
	return c != nil && slices.Contains(c.DNSNames, gatewaypeers.OperatorName)
}

func isPeer(r *http.Request) bool {
	c := leaf(r)
	return c != nil && c.VerifyHostname(gatewaypeers.ServerName) == nil
}
