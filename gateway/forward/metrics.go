// SPDX-License-Identifier: Apache-2.0

package forward

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	forwarded, gone, unreachable, aborted, forged prometheus.Counter

	registerer prometheus.Registerer
	all        []prometheus.Collector
}

func newMetrics(registerer prometheus.Registerer, f *Forwarder) *metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_forwarded_requests_total",
		Help: "Requests for sessions of other gateways, by result: forwarded; gone and unreachable, for an owner that is not there " +
			"or does not answer; aborted, by the client; forged, for an id that no gateway of the service has made.",
	}, []string{"result"})
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_forwarded_open", Help: "Requests and websockets that are being forwarded to other gateways.",
	}, func() float64 { return float64(f.opened()) })
	m := &metrics{
		forwarded:   requests.WithLabelValues("forwarded"),
		gone:        requests.WithLabelValues("gone"),
		unreachable: requests.WithLabelValues("unreachable"),
		aborted:     requests.WithLabelValues("aborted"),
		forged:      requests.WithLabelValues("forged"),
		registerer:  registerer,
		all:         []prometheus.Collector{requests, open},
	}
	if registerer != nil {
		registerer.MustRegister(m.all...)
	}
	return m
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}
