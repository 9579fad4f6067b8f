// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/gateway/rebalance"
)

// credentialsLimit bounds the credentials that the operator sends, in bytes.
const credentialsLimit = 16 << 10

// movesLimit bounds an order to move clients, in bytes.
const movesLimit = 1 << 10

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
	mux.HandleFunc("PUT "+gatewayconfig.MovesPath, func(w http.ResponseWriter, r *http.Request) {
		data, ok := readAll(w, r, movesLimit)
		if !ok {
			return
		}
		order, ok := parseMoves(data)
		if !ok {
			http.Error(w, "this is no order to move clients", http.StatusBadRequest)
			return
		}
		g.mover.Take(order) //nolint:contextcheck // it goes on after the request
		g.writeStatus(w)
	})
	return mux
}

// parseMoves decodes an order. One with numbers that no operator sends is none.
func parseMoves(data []byte) (rebalance.Order, bool) {
	var m gatewayconfig.Moves
	if json.Unmarshal(data, &m) != nil || m.Clients < 0 || m.WithinSeconds < 0 || m.WithinSeconds > 3600 || m.MinConnectedSeconds < 0 {
		return rebalance.Order{}, false
	}
	seconds := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	return rebalance.Order{Clients: m.Clients, Within: seconds(m.WithinSeconds), MinConnected: seconds(min(m.MinConnectedSeconds, 1e9))}, true
}

// mayMove reports whether clients may be asked to reconnect, since they could be recovered.
func (g *Gateway) mayMove() bool {
	return !g.draining.Load() && g.cluster.Connected() && g.cluster.LogReady()
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
