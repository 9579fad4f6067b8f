// SPDX-License-Identifier: Apache-2.0

package recovery

import "github.com/prometheus/client_golang/prometheus"

// Metrics count what becomes of sessions.
type Metrics struct{ recoveries *prometheus.CounterVec }

// NewMetrics makes them, for a service with recovery or without.
func NewMetrics() *Metrics {
	return &Metrics{recoveries: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_recoveries_total", Help: "Sessions that clients have asked for when they came back, by what became of it.",
	}, []string{"result"})}
}

// Collectors are the metrics.
func (m *Metrics) Collectors() []prometheus.Collector { return []prometheus.Collector{m.recoveries} }

// count counts what has become of a session: recovered, refused, too_much_missed, log_trimmed, log_restarted, unavailable, or unsaved
// for one that could not begin, and unkept for one that could not go on.
func (m *Metrics) count(result string) { m.recoveries.WithLabelValues(result).Inc() }
