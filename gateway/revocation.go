// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/revocation"
)

// revocationConfig returns how revoked tokens of a service are stored; the zero value if none are.
func revocationConfig(svc *v1alpha1.RealtimeService) revocation.Config {
	r := svc.Spec.Revocation
	if r == nil {
		return revocation.Config{}
	}
	c := revocation.Config{Keep: r.Keep.Duration.Duration, Replicas: int(max(1, svc.Spec.StoredBy()))}
	for i := range svc.Spec.Authentication {
		c.Entries = append(c.Entries, svc.Spec.Authentication[i].Name)
	}
	return c
}

func registerRevocations(registry prometheus.Registerer, s *revocation.Store) {
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realtime_revocations", Help: "Revocations of tokens that this gateway knows.",
		}, func() float64 { return float64(s.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realtime_revocations_current",
			Help: "1 while this gateway learns of revocations; also without spec.revocation. 0: it judges by those that it knows, or, if it knows none since it started, refuses clients as unavailable.",
		}, func() float64 {
			if s.Current() {
				return 1
			}
			return 0
		}),
	)
}
