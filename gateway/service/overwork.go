// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/expression"
)

// newOverwork counts what a manifest's author has to mend, by the place in the manifest.
func newOverwork() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_expression_limit_total",
		Help: "Evaluations that ended because an event may not cost more work, by namespace, handler and expression.",
	}, []string{"namespace", "handler", "expression"})
}

// countWork counts an error if it is that of an event that costs too much work.
func (r *Runtime) countWork(err error, namespace, handler, expr string) {
	var overwork *expression.WorkError
	if errors.As(err, &overwork) {
		r.overwork.WithLabelValues(namespace, handler, expr).Inc()
	}
}

// action is what the handler does now, as the manifest names it.
func (r *run) action() string {
	if r.step == 0 {
		return "when"
	}
	return fmt.Sprintf("do[%d]", r.step-1)
}
