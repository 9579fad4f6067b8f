// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func queuesVolatile(p *v1alpha1.ProtocolSpec) bool {
	return p.SlowConsumers.Policy == v1alpha1.SlowConsumerDisconnect
}

// registerLosses registers the metrics of what slow consumers have lost.
func registerLosses(r *prometheus.Registry, io *socketio.Server) {
	r.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "realtime_slow_consumers_disconnected_total",
			Help: "Clients that were disconnected, since more waited for them than protocol.slowConsumers allows.",
		}, func() float64 { return float64(io.Losses().SlowConsumers) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "realtime_volatile_events_dropped_total",
			Help: "Volatile events that were dropped, each for one client that could not take it at once.",
		}, func() float64 { return float64(io.Losses().VolatileEvents) }),
	)
}
