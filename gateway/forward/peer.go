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
	// Release answers the poll of a session that waits, if one does, with nothing in it.
	Release func(sessionID string)
	// Operator serves the operator; nil: it is served nothing.
	Operator http.Handler
}

// PeerHandler serves what peers forward to this gateway, on a listener with Identity.ServerConfig:
// requests for sessions, and nothing else. It sends none of them on: two gateways that take each
// other for the owner would do so for ever. The operator, known by its certificate, is served by a
// handler of its own, and no peer is.
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
		// What follows sees the client's request: from its address, and not by TLS, which was
		// between gateways.
		r = r.WithContext(r.Context())
		r.Header.Del(clientAddressHeader)
		r.RemoteAddr, r.TLS = address, nil
		o.Local.ServeHTTP(w, r)
	})
}

// leaf is the certificate of the service's authority that the sender of a request has shown; nil if
// there is none.
func leaf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// isOperator wants the very name: gateways' certificates that are made by hand may have a pattern.
func isOperator(r *http.Request) bool {
	c := leaf(r)
	return c != nil && slices.Contains(c.DNSNames, gatewaypeers.OperatorName)
}

func isPeer(r *http.Request) bool {
	c := leaf(r)
	return c != nil && c.VerifyHostname(gatewaypeers.ServerName) == nil
}
