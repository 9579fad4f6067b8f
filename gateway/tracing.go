// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	requests "github.com/realtime-operator/realtime-operator/gateway/engineio/handshake"
	"github.com/realtime-operator/realtime-operator/gateway/internal/query"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// requestIDHeader is what proxies call a request, in log lines of their own.
const requestIDHeader = "X-Request-Id"

// startTracing makes the tracer, and has it do what the manifest says.
func (g *Gateway) startTracing(svc *v1alpha1.RealtimeService, o Options) error {
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	headers, err := tracing.HeadersFromEnv(getenv)
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if o.TracingFromEnv {
		if g.tracedFromEnv, err = tracing.ConfigFromEnv(getenv); err != nil {
			return fmt.Errorf("trace: %w", err)
		}
	}
	if err := g.checkTracing(&svc.Spec.Gateway); err != nil {
		return err
	}
	g.tracer = tracing.New(tracing.Options{
		Service: g.service, Gateway: o.Name, Headers: headers, Registerer: g.metrics, Log: o.Log,
	})
	g.observe(&svc.Spec.Gateway)
	return nil
}

// checkTracing refuses a configuration that observe could not put in force.
func (g *Gateway) checkTracing(spec *v1alpha1.GatewaySpec) error {
	if c := g.tracingConfig(spec); c != nil {
		if _, err := tracing.ParseEndpoint(c.Endpoint); err != nil {
			return fmt.Errorf("spec.gateway.tracing: %w", err)
		}
	}
	return nil
}

// tracingConfig is what a manifest says, or else the environment; nil: nothing is traced.
func (g *Gateway) tracingConfig(spec *v1alpha1.GatewaySpec) *tracing.Config {
	if spec.Tracing == nil {
		return g.tracedFromEnv
	}
	return &tracing.Config{Endpoint: spec.Tracing.Endpoint, PerMillion: int(spec.Tracing.PerMillion())}
}

// observe has a checked configuration say what is traced and profiled.
//
//nolint:contextcheck // that lasts until another configuration comes
func (g *Gateway) observe(spec *v1alpha1.GatewaySpec) {
	if err := g.tracer.Configure(g.tracingConfig(spec)); err != nil {
		g.log.Error("nothing is traced", "error", err)
	}
	g.profiling.configure(spec.Profiling, g.log)
}

// serveClient serves a request of a client. What proxies write into its headers counts only if they
// are trusted: anybody else could have every handshake traced, or choose what log lines say.
func (g *Gateway) serveClient(sessions http.Handler, w http.ResponseWriter, r *http.Request) {
	trusted := g.clients.Trusts(r)
	if !trusted && len(r.Header[requestIDHeader]) > 0 {
		r.Header.Del(requestIDHeader)
	}
	r = g.clients.Request(r)
	if g.tracer.On() && !query.Pick(r.URL.RawQuery, "sid").Has("sid") {
		var end func()
		w, r, end = g.traceHandshake(w, r, trusted)
		defer end()
	}
	sessions.ServeHTTP(w, r)
}

// traceHandshake begins the span of a handshake. end must be called when it has been served.
func (g *Gateway) traceHandshake(w http.ResponseWriter, r *http.Request, trusted bool) (_ http.ResponseWriter, _ *http.Request, end func()) {
	var parent *trace.Parent
	if trusted {
		parent = trace.New(r.Header.Get("traceparent"), r.Header.Get("tracestate"))
	}
	span := g.tracer.Start(tracing.SpanHandshake, tracing.Server, parent)
	if span == nil {
		return w, r, func() {}
	}
	transport := query.Pick(r.URL.RawQuery, "transport").Get("transport")
	if transport == string(v1alpha1.TransportPolling) || transport == string(v1alpha1.TransportWebSocket) {
		span.Set(tracing.Transport, transport) // a client may send any other text
	}
	if id := r.Header.Get(requestIDHeader); requests.IsRequestID(id) {
		span.Set(tracing.Connection, id)
	}
	traced := &tracedResponse{ResponseWriter: w, span: span}
	return traced, r.WithContext(trace.NewContext(r.Context(), span.Place())), traced.end
}

// allowRequest judges a handshake by the manifest's rules.
func (g *Gateway) allowRequest(r *http.Request) error {
	if r.ProtoMajor == 3 { // WebTransport, which no proxy passes on
		r.Header.Del(requestIDHeader)
	}
	return g.runtime.AllowRequest(r)
}

// sessionContext has a session keep what the runtime needs, and the span of its handshake.
func (g *Gateway) sessionContext(r *http.Request) context.Context {
	ctx := g.runtime.SessionContext(r)
	if !g.tracer.On() {
		return ctx
	}
	return trace.WithHandshake(ctx, trace.FromContext(r.Context()))
}

// tracedResponse ends the span of a handshake with its answer: a websocket lasts longer.
type tracedResponse struct {
	http.ResponseWriter
	span   *tracing.Span
	status int
	ended  bool
}

// WriteHeader notes the status.
func (w *tracedResponse) WriteHeader(status int) {
	w.status = cmp.Or(w.status, status)
	w.ResponseWriter.WriteHeader(status)
}

// Hijack ends the span: what follows is the connection.
func (w *tracedResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.status = http.StatusSwitchingProtocols
		w.end()
	}
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (w *tracedResponse) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *tracedResponse) end() {
	if w.ended {
		return
	}
	w.ended = true
	status := cmp.Or(w.status, http.StatusOK)
	w.span.SetInt(tracing.Status, status)
	w.span.End(status >= http.StatusInternalServerError)
}
