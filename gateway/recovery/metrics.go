// SPDX-License-Identifier: Apache-2.0

package recovery

import "github.com/prometheus/client_golang/prometheus"

// Metrics count the outcomes of recoveries.
type Metrics struct{ recoveries *prometheus.CounterVec }

// results are those of count.
var results = []string{"recovered", "refused", "too_much_missed", "log_trimmed", "log_restarted", "unavailable", "unsaved", "unkept"}

// NewMetrics returns the metrics, for a service with recovery or without.
func NewMetrics() *Metrics {
	m := &Metrics{recoveries: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_recoveries_total", Help: "Sessions that clients have asked for when they came back, by what became of it.",
	}, []string{"result"})}
	for _, result := range results { // from zero on, so that the first one is an increase
		m.recoveries.WithLabelValues(result)
	}
	return m
}

// Collectors returns the metrics.
func (m *Metrics) Collectors() []prometheus.Collector { return []prometheus.Collector{m.recoveries} }

// count counts the outcome of a session: recovered, refused, too_much_missed, log_trimmed,
// log_restarted, unavailable; unsaved if it could not begin, and unkept if it could not continue.
func (m *Metrics) count(result string) { m.recoveries.WithLabelValues(result).Inc() }
