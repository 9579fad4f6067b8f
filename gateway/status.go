// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
)

// Status returns the state of the gateway.
func (g *Gateway) Status() gatewaystatus.Status {
	revision, problem := g.config.get()
	logError, logCause := logProblem(g.cluster.LogProblem())
	return gatewaystatus.Status{
		Connections: int64(g.io.Connections()),
		ConfigHash:  revision,
		ConfigError: problem,
		Draining:    g.draining.Load(),
		NATS:        g.cluster.Status(),
		NATSError:   g.cluster.Problem(),
		NATSCause:   natsCauses[g.cluster.Cause()],
		NATSVersion: g.cluster.Version(),
		NATSDenied:  g.cluster.Denied(),
		LogReady:    g.cluster.LogReady(),
		LogError:    logError,
		LogCause:    logCause,
		KeySets:     g.asking.authorities.status(),
		Programs:    g.asking.programs.status(),
	}
}

// writeStatus answers a request with the status.
func (g *Gateway) writeStatus(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	// If this fails, the client has disconnected.
	_ = json.NewEncoder(w).Encode(g.Status())
}
