// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// registerPanics counts panics that have ended one client, or dropped one message, by where they
// were stopped.
func registerPanics(r *prometheus.Registry) *prometheus.CounterVec {
	panicked := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_panics_total",
		Help: "Panics that ended one client or dropped one message, by where they were stopped; the log has their stacks.",
	}, []string{"place"})
	for _, place := range append(engineio.PanicPlaces(), cluster.PlaceMessage) {
		panicked.WithLabelValues(place)
	}
	r.MustRegister(panicked)
	return panicked
}

func (g *Gateway) countPanic(place string) { g.panicked.WithLabelValues(place).Inc() }
