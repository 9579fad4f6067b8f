// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/clientaddr"
)

// ClientListener returns a listener for Handler whose connections may begin with a header of the
// PROXY protocol, if the configuration in force says so.
func (g *Gateway) ClientListener(l net.Listener) net.Listener { return g.clients.Listener(l) }

// trustOf returns the proxies that a manifest trusts.
func trustOf(p *v1alpha1.ProtocolSpec) (clientaddr.Trust, error) {
	trust := clientaddr.Trust{ProxyProtocol: p.ProxyProtocol}
	for _, text := range p.TrustedProxies {
		proxies, err := netip.ParsePrefix(text)
		if err != nil {
			return trust, fmt.Errorf("trust proxies: %w", err)
		}
		trust.Proxies = append(trust.Proxies, proxies)
	}
	return trust, nil
}

// watchProxies counts what is wrong with what proxies send, by problem, each from zero on.
func (g *Gateway) watchProxies() {
	problems := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_client_address_problems_total",
		Help: "Requests and connections whose client's address is not known as the manifest says, by problem.",
	}, []string{"problem"})
	for _, problem := range clientaddr.Problems() {
		problems.WithLabelValues(string(problem))
	}
	g.metrics.MustRegister(problems)
	g.clients.OnProblem = func(p clientaddr.Problem) { problems.WithLabelValues(string(p)).Inc() }
}
