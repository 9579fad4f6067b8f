// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/internal/latency"
)

// Metrics count what happens to a log.
type Metrics struct {
	// Refused counts messages that were not accepted, and Rejected those that were not stored, by
	// reason.
	Refused  prometheus.Counter
	Rejected *prometheus.CounterVec
	// Healed counts messages that were read because they did not arrive, and Repeated those that
	// were stored twice.
	Healed, Repeated prometheus.Counter
	// Gaps counts losses of events, by cause.
	Gaps *prometheus.CounterVec
	// Probes has how long the log takes to answer.
	Probes prometheus.Histogram
}

// NewMetrics returns the metrics, for a log or for a service without one.
func NewMetrics() *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		Refused: counter("realtime_log_refused_messages_total", "Messages that were refused, or not acknowledged, as too much waited to be stored."),
		Rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_log_rejected_messages_total", Help: "Messages that were not stored and never will be, by reason.",
		}, []string{"reason"}),
		Healed:   counter("realtime_cluster_messages_healed_total", "Messages that did not come in by themselves and were read from the log."),
		Repeated: counter("realtime_cluster_messages_repeated_total", "Messages that were stored twice, and left out the second time."),
		Gaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_log_gaps_total",
			Help: "Times that events of a room, or of a namespace, were lost before this gateway could deliver them, by cause; its members' connections were closed.",
		}, []string{"cause"}),
		Probes: latency.New("realtime_log_probe_seconds",
			"Time that the leader of the log takes to say that a quorum of servers could store something; asked every few seconds, and given up after two."),
	}
	// From zero on, so that the first one is an increase.
	for _, cause := range []string{gapTrimmed, gapExpired, gapRestarted} {
		m.Gaps.WithLabelValues(cause)
	}
	for _, reason := range []string{reasonSize, reasonJetStream, reasonClosed} {
		m.Rejected.WithLabelValues(reason)
	}
	return m
}

// Collectors returns the metrics, including those that are read from a log; l is nil for a service
// without a log, which counts as ready.
func (m *Metrics) Collectors(l *Log) []prometheus.Collector {
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_log_waiting_messages", Help: "Messages that wait to be stored.",
	}, func() float64 {
		if l == nil {
			return 0
		}
		return float64(l.Waiting())
	})
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_log_ready", Help: "1 while what is to be recoverable can be stored, and for a service without recovery.",
	}, func() float64 {
		if l == nil || l.IsReady() {
			return 1
		}
		return 0
	})
	return []prometheus.Collector{m.Refused, m.Rejected, m.Healed, m.Repeated, m.Gaps, m.Probes, waiting, ready}
}
