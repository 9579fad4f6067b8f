// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net/http"
	"strings"
)

// PeerOptions configure a PeerHandler.
type PeerOptions struct {
	// Local serves the sessions of this gateway.
	Local http.Handler
	// Path is the prefix of the engine's requests, with a slash at its end.
	Path func() string
	// Release answers the poll of a session that waits, if one does, with nothing in it.
	Release func(sessionID string)
}

// PeerHandler serves what peers forward to this gateway, on a listener with Identity.ServerConfig: requests for
// sessions, and nothing else. It sends none of them on: two gateways that take each other for the owner would do so for ever.
func PeerHandler(o PeerOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := r.Header.Get(clientAddressHeader)
		id := r.URL.Query().Get("sid")
		switch {
		case r.TLS == nil || len(r.TLS.VerifiedChains) == 0:
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
		// What follows sees the client's request: from its address, and not by TLS, which was between gateways.
		r = r.WithContext(r.Context())
		r.Header.Del(clientAddressHeader)
		r.RemoteAddr, r.TLS = address, nil
		o.Local.ServeHTTP(w, r)
	})
}
