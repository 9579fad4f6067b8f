// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/internal/latency"
)

// registerEndings registers how many connections have begun, and how many have ended by each cause.
func registerEndings(r *prometheus.Registry, counts *ending.Counts) {
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "realtime_handshakes_accepted_total", Help: "Handshakes that were accepted.",
	}, func() float64 { return float64(counts.Opened()) }))
	for _, cause := range ending.All() {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "realtime_disconnections_total",
			Help:        "Connections of clients that have ended, by the reason: drain, rollout, rebalance, log_gap, unavailable and shutdown are the gateway's own.",
			ConstLabels: prometheus.Labels{"reason": cause.String()},
		}, func() float64 { return float64(counts.Ended(cause)) }))
	}
}

// registerWrites registers how long messages wait to be written.
func registerWrites(r *prometheus.Registry) prometheus.Histogram {
	written := latency.New("realtime_write_delay_seconds",
		"Time from when an event was queued for a client until it was written to the connection, or waits for the client's next poll; measured for one delivery in 64.")
	r.MustRegister(written)
	return written
}
