// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
)

// credentialsLimit bounds the credentials that the operator sends, in bytes.
const credentialsLimit = 16 << 10

// operatorHandler serves what the operator brings faster than a kubelet (package gatewayconfig).
// PeerHandler lets nobody else in.
func (g *Gateway) operatorHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+gatewayconfig.Path, func(w http.ResponseWriter, r *http.Request) {
		if data, ok := readAll(w, r, gatewayconfig.MaxBytes); ok {
			g.take(data, "the operator")
			g.writeStatus(w)
		}
	})
	mux.HandleFunc("PUT "+gatewayconfig.CredentialsPath, func(w http.ResponseWriter, r *http.Request) {
		data, ok := readAll(w, r, credentialsLimit)
		if !ok {
			return
		}
		var c gatewayconfig.Credentials
		if json.Unmarshal(data, &c) != nil || c.Username == "" || c.Password == "" {
			http.Error(w, "these are no credentials", http.StatusBadRequest)
			return
		}
		g.cluster.SetCredentials(c.Username, c.Password)
		g.writeStatus(w)
	})
	return mux
}

// readAll reads a request's body. If it cannot, or if the body exceeds the limit, it answers.
func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
	}
	return data, err == nil
}
