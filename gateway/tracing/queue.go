// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
)

const (
	// maxWaiting is how many spans wait for the collector; more are dropped. A span takes about a
	// kilobyte.
	maxWaiting = 4096
	// maxBatch is how many spans are in a request.
	maxBatch = 512
	// batchTime is how long a batch waits for further spans.
	batchTime = time.Second
	// sendTimeout bounds a request.
	sendTimeout = 10 * time.Second
)

// What becomes of spans, in metrics.
const (
	resultSent    = "sent"
	resultFailed  = "failed"
	resultDropped = "dropped"
)

// metrics outlive configurations.
type metrics struct {
	sent, failed, dropped prometheus.Counter
	// queues counts the goroutines of queues.
	queues sync.WaitGroup
}

func newMetrics(r prometheus.Registerer) *metrics {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_trace_spans_total",
		Help: "Spans of this gateway, by what became of them: sent, failed (the collector did not take them) or dropped (too many waited for it).",
	}, []string{"result"})
	if r != nil {
		r.MustRegister(spans)
	}
	return &metrics{
		sent: spans.WithLabelValues(resultSent), failed: spans.WithLabelValues(resultFailed), dropped: spans.WithLabelValues(resultDropped),
	}
}

// queue takes spans that have ended to the collector. The SDK's own processor would do, but does
// not say how many it drops. Whoever ends a span never waits. A batch that the collector does not
// take is not sent again: while it is away, there are newer spans, and no more memory.
type queue struct {
	exporter *exporter
	metrics  *metrics
	log      *slog.Logger
	failures loglimit.Limit[string]
	spans    chan sdk.ReadOnlySpan
	// stopping is closed by stop; sending ends closeTimeout later.
	stopping chan struct{}
	sending  context.Context
	end      context.CancelFunc
	once     sync.Once
}

var _ sdk.SpanProcessor = (*queue)(nil)

func newQueue(e *exporter, m *metrics, log *slog.Logger) *queue {
	q := &queue{exporter: e, metrics: m, log: log, spans: make(chan sdk.ReadOnlySpan, maxWaiting), stopping: make(chan struct{})}
	q.sending, q.end = context.WithCancel(context.Background())
	m.queues.Go(q.run)
	return q
}

// OnStart does nothing.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd queues a span, or drops it if too many wait.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	select {
	case <-q.stopping:
		q.metrics.dropped.Inc()
		return
	default:
	}
	select {
	case q.spans <- s:
	default:
		q.metrics.dropped.Inc()
	}
}

// Shutdown stops the queue.
func (q *queue) Shutdown(context.Context) error {
	q.stop()
	return nil
}

// ForceFlush does nothing: the queue does not wait for long.
func (q *queue) ForceFlush(context.Context) error { return nil }

// stop has the queue send what waits, and end.
func (q *queue) stop() {
	q.once.Do(func() {
		close(q.stopping)
		time.AfterFunc(closeTimeout, q.end)
	})
}

func (q *queue) run() {
	defer q.exporter.close()
	defer q.end()
	var batch []sdk.ReadOnlySpan
	due := time.NewTimer(batchTime)
	due.Stop()
	defer due.Stop()
	for {
		select {
		case s := <-q.spans:
			if len(batch) == 0 {
				due.Reset(batchTime)
			}
			if batch = append(batch, s); len(batch) < maxBatch {
				continue
			}
		case <-due.C:
		case <-q.stopping:
			q.finish(batch)
			return
		}
		q.send(batch)
		batch = nil
	}
}

// finish sends what waits when the queue stops.
func (q *queue) finish(batch []sdk.ReadOnlySpan) {
	for {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) == maxBatch {
				q.send(batch)
				batch = nil
			}
		default:
			q.send(batch)
			return
		}
	}
}

func (q *queue) send(batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(q.sending, sendTimeout)
	defer cancel()
	err := q.exporter.export(ctx, batch)
	if err == nil {
		q.metrics.sent.Add(float64(len(batch)))
		return
	}
	q.metrics.failed.Add(float64(len(batch)))
	q.failures.Log("", func() { q.log.Warn("the collector does not take spans", "spans", len(batch), "error", err) }, func(more int) {
		q.log.Warn("the collector does not take spans", "more", more)
	})
}
