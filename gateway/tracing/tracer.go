// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// million is what Config.PerMillion is a part of.
const million = 1_000_000

// Config is where spans are sent, and of which traces.
type Config struct {
	// Endpoint is the URL of the collector's OTLP receiver for HTTP, such as
	// http://collector.monitoring:4318. Without a path, /v1/traces is added.
	Endpoint string
	// PerMillion is how many of a million traces that begin here are sampled. Of a trace that began
	// elsewhere, its header says whether it is.
	PerMillion int
}

// Options configure a Tracer.
type Options struct {
	// Service is the service, namespace/name; Gateway is the name of this gateway.
	Service, Gateway string
	// Headers are sent with each request to the collector, such as its token.
	Headers map[string]string
	// Registerer registers the metrics; nil: none.
	Registerer prometheus.Registerer
	// Log receives failures of the collector.
	Log *slog.Logger
}

// Tracer makes spans while it is on. A nil Tracer is off forever. Safe for concurrent use. Close
// ends it.
type Tracer struct {
	options Options
	metrics *metrics
	// current is nil while tracing is off.
	current atomic.Pointer[running]

	mu     sync.Mutex
	closed bool // guarded by mu
}

// running is tracing with a configuration.
type running struct {
	config   Config
	tracer   otel.Tracer
	provider *sdk.TracerProvider
	queue    *queue
}

// New returns a tracer that is off until Configure.
func New(o Options) *Tracer { return &Tracer{options: o, metrics: newMetrics(o.Registerer)} }

// Configure sends spans from now on as a configuration says; nil sends none. Those that wait are
// still sent to where they were to go, by a goroutine. An invalid configuration changes nothing.
func (t *Tracer) Configure(c *Config) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.current.Load()
	if t.closed || c == nil && before == nil || c != nil && before != nil && before.config == *c {
		return nil
	}
	var next *running
	if c != nil {
		var err error
		if next, err = t.run(*c); err != nil {
			return err
		}
	}
	t.current.Store(next)
	if before != nil {
		before.queue.stop()
	}
	return nil
}

func (t *Tracer) run(c Config) (*running, error) {
	exporter, err := newExporter(c.Endpoint, t.options.Headers)
	if err != nil {
		return nil, err
	}
	described, err := t.resource()
	if err != nil {
		exporter.close()
		return nil, err
	}
	q := newQueue(exporter, t.metrics, t.options.Log)
	provider := sdk.NewTracerProvider(
		sdk.WithResource(described), sdk.WithSampler(sdk.AlwaysSample()), // samples has decided
		sdk.WithSpanProcessor(q),
	)
	return &running{c, provider.Tracer("realtime-operator.io/gateway"), provider, q}, nil
}

// resource describes this gateway. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to it.
func (t *Tracer) resource() (*resource.Resource, error) {
	described, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", t.options.Service), attribute.String("service.instance.id", t.options.Gateway)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return described, nil
}

// On reports whether spans are made.
func (t *Tracer) On() bool { return t != nil && t.current.Load() != nil }

// Start begins a span, with a parent if it is not nil; nil if the trace is not sampled.
func (t *Tracer) Start(name string, kind Kind, parent *trace.Parent) *Span {
	if t == nil {
		return nil
	}
	r := t.current.Load()
	if r == nil || !r.samples(parent) {
		return nil
	}
	return r.start(name, kind, parent)
}

// Continue begins a span in a trace that is sampled; nil without one.
func (t *Tracer) Continue(name string, kind Kind, parent *trace.Parent) *Span {
	if parent == nil || !parent.Sampled() {
		return nil
	}
	return t.Start(name, kind, parent)
}

func (r *running) samples(parent *trace.Parent) bool {
	if parent != nil {
		return parent.Sampled()
	}
	return r.config.PerMillion > 0 && rand.IntN(million) < r.config.PerMillion //nolint:gosec // no secret
}

func (r *running) start(name string, kind Kind, parent *trace.Parent) *Span {
	_, span := r.tracer.Start(parentContext(parent), name, otel.WithSpanKind(kind))
	return &Span{span, placeOf(span.SpanContext())}
}

// closeTimeout is how long the last spans may take when the process ends.
const closeTimeout = 2 * time.Second

// Close sends what waits, for closeTimeout at most. Closing again has no effect.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if last := t.current.Swap(nil); last != nil {
		last.queue.stop()
	}
	t.metrics.queues.Wait()
}
