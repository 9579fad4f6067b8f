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
}

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
	}
}

// register adds the metrics to a registry, and those of presenceInfo.
func (m *metrics) register(registry prometheus.Registerer, infos *presence.Budget) {
	registry.MustRegister(m.events, m.failures, m.limitHits, m.refusals, m.authentications)
	registry.MustRegister(infos.Metrics()...)
}

// forget removes a namespace that no longer exists.
func (m *metrics) forget(namespace string) {
	m.events.DeleteLabelValues(namespace)
	m.failures.DeleteLabelValues(namespace)
	m.limitHits.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
	m.refusals.DeletePartialMatch(prometheus.Labels{"namespace": namespace})
}

// forgetEntries removes the entries of spec.authentication that no longer exist.
func (r *Runtime) forgetEntries(before, after map[string]*authenticationEntry) {
	for name := range before {
		if after[name] == nil {
			r.tenures.Forget(name)
			r.authentications.DeletePartialMatch(prometheus.Labels{"entry": name})
			r.limitHits.DeletePartialMatch(prometheus.Labels{"handler": authenticationPlace(name)})
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
