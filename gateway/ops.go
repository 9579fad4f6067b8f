// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/realtime-operator/realtime-operator/gateway/admin"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Ops serves what Kubernetes and Prometheus ask for, on a port of its own that clients do not
// reach:
//
//	/healthz  200 while the process works
//	/readyz   200 while clients should come here: NATS, and the log of a service with recovery,
//	          have been reached once, and the gateway is not leaving; its body says if they cannot
//	          be used now, and why NATS is not connected
//	/metrics  Prometheus
//	/status   gatewaystatus.Status as JSON
func (g *Gateway) Ops() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", g.readyz())
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { g.writeStatus(w) })
	return mux
}

// readyz does not fail when NATS, or the quorum of its log, goes away later: all gateways would
// leave the Service at once, and clients with them, while rooms on each gateway, and what is not
// stored, still work.
func (g *Gateway) readyz() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		reached, connected, problem := g.cluster.Reached(), g.cluster.Connected(), g.cluster.Problem()
		switch {
		case g.draining.Load():
			answer(w, http.StatusServiceUnavailable, "leaving")
		case !reached && connected:
			answer(w, http.StatusServiceUnavailable, "JetStream cannot be used yet; the gateway's log says why")
		case !reached:
			answer(w, http.StatusServiceUnavailable, "NATS has not been reached yet: "+problem)
		case !connected:
			answer(w, http.StatusOK, "ok, but NATS is away: clients of other gateways are out of reach: "+problem)
		case !g.cluster.LogReady():
			answer(w, http.StatusOK, "ok, but JetStream cannot be used: recoverable events wait; the gateway's log says why")
		default:
			answer(w, http.StatusOK, "ok")
		}
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// registerRefusals counts refused handshakes by reason, each of them from zero on.
func registerRefusals(r *prometheus.Registry) *prometheus.CounterVec {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_handshakes_refused_total", Help: "Handshakes that were refused, by reason.",
	}, []string{"reason"})
	for _, reason := range engineio.RefusalReasons() {
		refused.WithLabelValues(string(reason))
	}
	r.MustRegister(refused)
	return refused
}

func registerConnections(r *prometheus.Registry, io *socketio.Server) {
	registerEndings(r, io.Engine().Endings())
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_connections", Help: "Clients that are connected to this gateway.",
	}, func() float64 { return float64(io.Connections()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_connections_unauthenticated", Help: "Clients that are connected to this gateway and in no namespace.",
	}, func() float64 { return float64(io.Engine().Unadmitted()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_netpoll_workers",
		Help: "Goroutines that serve websockets: a few, and one for each handler that waits without being suspended.",
	}, func() float64 { return float64(io.Engine().Workers()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "realtime_handlers_suspended",
		Help: "Handlers and new sessions that wait for NATS, for JetStream or for other gateways.",
	}, func() float64 { return float64(io.Suspended()) }))
}

// Admin serves people who run the service (package admin). Only its Unix socket leads to it.
func (g *Gateway) Admin() http.Handler {
	return admin.New(admin.Options{
		EachNamespace: g.runtime.EachNamespace, Watch: g.cluster.Watch, Ops: g.Ops(), Publishers: g.api.ByPeople(), Log: g.log,
	})
}

// serveAdmin serves Admin until the context ends. If it cannot, clients are served all the same.
func (g *Gateway) serveAdmin(ctx context.Context, address string) {
	if address == "" {
		return
	}
	l, err := admin.Listen(address, g.log)
	if err == nil {
		err = Serve(ctx, l, g.Admin())
	}
	if err != nil {
		g.log.Warn("kubectl rts does not reach this gateway", "error", err)
	}
}
