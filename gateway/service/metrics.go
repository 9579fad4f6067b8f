// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
)

// metrics are a runtime's counters. Safe for concurrent use.
type metrics struct {
	events, failures *prometheus.CounterVec
	// limitHits counts evaluations that exceeded the work budget, by their place in the manifest.
	limitHits *prometheus.CounterVec
	// refusals counts what conditions of allow do not allow.
	refusals *prometheus.CounterVec
	// authentications counts who was admitted, and why others were not.
	authentications *prometheus.CounterVec
	// renewed counts the tokens that connected clients have shown.
	renewed *prometheus.CounterVec
	// ended counts sockets whose connections were closed because of their tokens.
	ended *prometheus.CounterVec
}

// Why a socket's connection is closed because of its token, for metrics.
const (
	endedExpired = "expired"
	endedRevoked = "revoked"
)

func newMetrics() metrics {
	return metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_events_total",
			Help: "Events that clients have sent, by namespace.",
		}, []string{"namespace"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_handler_errors_total",
			Help: "Handlers that failed, by namespace.",
		}, []string{"namespace"}),
		limitHits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_expression_limit_total",
			Help: "Evaluations that ended because an event may not cost more work, by namespace, handler and expression.",
		}, []string{"namespace", "handler", "expression"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_room_refusals_total",
			Help: "What the rules of rooms have not allowed, or in mode Audit would not have, by namespace, rule and mode.",
		}, []string{"namespace", "rule", "mode"}),
		authentications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_authentication_total",
			Help: "Clients that namespaces with authentication have admitted or refused, by the entry that has decided (none if no entry knows the token) and the result: ok, anonymous, or the code of the refusal.",
		}, []string{"entry", "result"}),
		renewed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_token_renewals_total",
			Help: "Tokens that connected clients have shown to renew theirs, by the result: ok, the code of the refusal, or rate_limited.",
		}, []string{"result"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "realtime_token_ends_total",
			Help: "Sockets whose connections were closed since their tokens were not valid any more, by the entry that had accepted the token and the reason: expired or revoked.",
		}, []string{"entry", "reason"}),
	}
}

// register adds the metrics to a registry, and those of presenceInfo.
func (m *metrics) register(registry prometheus.Registerer, infos *presence.Budget) {
	registry.MustRegister(m.events, m.failures, m.limitHits, m.refusals, m.authentications, m.renewed, m.ended)
	registry.MustRegister(infoMetrics(infos)...)
}

// forget removes a namespace that no longer exists.
func (m *metrics) forget(namespace string) {
	m.events.DeleteLabelValues(namespace)
	m.failures.DeleteLabelValues(namespace)
	m.limitHits.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
	m.refusals.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
}

// forgetEntries removes the entries of spec.authentication that no longer exist.
func (m *metrics) forgetEntries(before, after map[string]*authenticationEntry) {
	for name := range before {
		if after[name] == nil {
			m.authentications.DeletePartialMatch(prometheus.Labels{"entry": name})
			m.ended.DeletePartialMatch(prometheus.Labels{"entry": name})
			m.limitHits.DeletePartialMatch(prometheus.Labels{"handler": authenticationPlace(name)})
		}
	}
}

// countLimitHit counts an error if it means that the work budget was exceeded. expr names the
// expression.
func (m *metrics) countLimitHit(err error, namespace, handler string, expr func() string) {
	var exceeded *expression.WorkError
	if errors.As(err, &exceeded) {
		m.limitHits.WithLabelValues(namespace, handler, expr()).Inc()
	}
}

func infoMetrics(b *presence.Budget) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realtime_presence_info_bytes", Help: "Memory that what presenceInfo shows of members takes on this gateway.",
		}, func() float64 { return float64(b.Used()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "realtime_presence_infos_left_out_total",
			Help: "Times that there was no room for what presenceInfo shows of a member, of whom the id alone is seen.",
		}, func() float64 { return float64(b.Refused()) }),
	}
}
