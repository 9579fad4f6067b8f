// SPDX-License-Identifier: Apache-2.0

// Package publish serves programs in any language that publish events to the clients of a service:
// over HTTP, for those that have a token, and over NATS, for those that NATS admits. Both accept
// the same document (docs/how-to/publish.md) and return the same answer.
package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/revocation"
	"github.com/realtime-operator/realtime-operator/gateway/service"
	"github.com/realtime-operator/realtime-operator/gateway/service/document"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// StoreTimeout bounds the wait of a program until its event is stored, if it is stored.
const StoreTimeout = 5 * time.Second

// errNATSAway prevents emitting to the clients of this gateway only.
var errNATSAway = errors.New("this gateway has lost NATS, and cannot reach the clients of others: try again")

// Options configure a Server.
type Options struct {
	// Runtime emits documents, and Cluster carries them to the other gateways. Both outlive the
	// Server.
	Runtime *service.Runtime
	Cluster *cluster.Cluster
	// Leaving reports whether the gateway drains: then the next request of a program goes
	// elsewhere.
	Leaving func() bool
	// Revocations stores which tokens are revoked.
	Revocations *revocation.Store
	// Tracer makes spans of requests; nil: there are none.
	Tracer *tracing.Tracer
	// Registerer registers the metrics.
	Registerer prometheus.Registerer
}

// Server answers programs that publish. It is the http.Handler of their port. Safe for concurrent
// use.
type Server struct {
	Options
	tokens    tokens
	published *prometheus.CounterVec
	revoked   *prometheus.CounterVec
	// leave stops ServeNATS.
	leave, leaveRevocations func() <-chan struct{}
}

// New returns a server that accepts no request over HTTP before SetTokens is called, and does not
// subscribe on NATS before ServeNATS is.
func New(o Options) *Server {
	s := &Server{Options: o, published: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_publications_total", Help: "Events that programs asked this gateway to emit, by the way they came and the status of the answer.",
	}, []string{"via", "status"}), revoked: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_revocation_requests_total", Help: "Requests of programs to revoke tokens, by the way they came and the status of the answer.",
	}, []string{"via", "status"})}
	o.Registerer.MustRegister(s.published, s.revoked)
	return s
}

// How a document has arrived, in metrics.
const (
	viaHTTP = "http"
	viaNATS = "nats"
	// viaAdmin: by kubectl rts.
	viaAdmin = "admin"
)

func (s *Server) count(via string, status int) {
	s.published.WithLabelValues(via, strconv.Itoa(status)).Inc()
}

// answer is the answer to a program, over HTTP and over NATS.
type answer struct {
	OK    bool   `json:"ok,omitempty"`
	Error string `json:"error,omitempty"`
}

func (a answer) encode() []byte {
	data, err := json.Marshal(a)
	if err != nil { // it has a bool and a string
		panic(err)
	}
	return data
}

// publish emits a document, and calls done once with the answer to it and its HTTP status: at once,
// or when it is known whether the event is stored, or after StoreTimeout. done must not block.
func (s *Server) publish(ctx context.Context, via string, data []byte, namespace string, done func(int, answer)) {
	span := s.Tracer.Start(tracing.SpanEmit, tracing.Server, trace.FromContext(ctx))
	span.Set(tracing.Via, via)
	ctx = trace.NewContext(ctx, span.Place())
	counted := func(status int, a answer) {
		s.count(via, status)
		span.SetInt(tracing.Status, status)
		span.End(status >= http.StatusInternalServerError)
		done(status, a)
	}
	receipt := new(socketio.Receipt)
	status, a := s.emit(ctx, data, namespace, receipt)
	if status != http.StatusOK || receipt.Expected() == 0 {
		counted(status, a)
		return
	}
	var once sync.Once
	late := time.AfterFunc(StoreTimeout, func() { once.Do(func() { counted(notYetStored()) }) })
	receipt.Notify(func(err error) {
		late.Stop()
		once.Do(func() { counted(stored(err)) })
	})
}

func (s *Server) emit(ctx context.Context, data []byte, namespace string, receipt *socketio.Receipt) (int, answer) {
	if !s.Cluster.Connected() && !s.Cluster.Stores() {
		return http.StatusServiceUnavailable, answer{Error: errNATSAway.Error()}
	}
	err := s.Runtime.Publish(ctx, data, namespace, receipt)
	switch {
	case err == nil && receipt.Expected() > 0:
		return http.StatusOK, answer{OK: true} // if it is stored
	case err == nil && !s.Cluster.Connected(): // a volatile event
		return http.StatusServiceUnavailable, answer{Error: errNATSAway.Error()}
	case err == nil:
		return http.StatusOK, answer{OK: true}
	}
	status := http.StatusInternalServerError
	var refusal *document.Refusal
	if errors.As(err, &refusal) {
		status = refusal.Status
	}
	return failed(status, err)
}

// failed returns the answer for a document that is not emitted. One that is too large stays too
// large.
func failed(status int, err error) (int, answer) {
	if cluster.IsTooLarge(err) {
		status = http.StatusRequestEntityTooLarge
	}
	return status, answer{Error: err.Error()}
}

// stored returns the answer for an event that is stored before it is delivered, when its outcome is
// known.
func stored(err error) (int, answer) {
	if err != nil {
		return failed(http.StatusServiceUnavailable, err)
	}
	return http.StatusOK, answer{OK: true}
}

func notYetStored() (int, answer) {
	return http.StatusServiceUnavailable, answer{
		Error: fmt.Sprintf("the event is not stored yet, after %v, and it is not certain that it will be", StoreTimeout),
	}
}
