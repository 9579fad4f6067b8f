// SPDX-License-Identifier: Apache-2.0

package tenure

import "github.com/prometheus/client_golang/prometheus"

// Why a socket's connection is closed because of its token.
const (
	endedExpired = "expired"
	endedRevoked = "revoked"
)

// metrics are counters. Safe for concurrent use.
type metrics struct {
	// renewed counts the tokens that connected clients have shown.
	renewed *prometheus.CounterVec
	// ended counts sockets whose connections were closed because of their tokens.
	ended *prometheus.CounterVec
}

func newMetrics() metrics {
	return metrics{
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

// Register adds the metrics to a registry.
func (w *Watch) Register(registry prometheus.Registerer) { registry.MustRegister(w.renewed, w.ended) }

// CountRenewal counts a token that a connected client has shown, by the result.
func (w *Watch) CountRenewal(result string) { w.renewed.WithLabelValues(result).Inc() }

// Forget removes the metrics of an entry that no longer exists.
func (w *Watch) Forget(entry string) { w.ended.DeletePartialMatch(prometheus.Labels{"entry": entry}) }
