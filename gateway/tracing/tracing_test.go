// SPDX-License-Identifier: Apache-2.0

package tracing_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/internal/collectortest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sampled   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func start(t *testing.T, c *tracing.Config) (*tracing.Tracer, *prometheus.Registry) {
	t.Helper()
	metrics := prometheus.NewPedanticRegistry()
	tracer := tracing.New(tracing.Options{
		Service: "default/chat", Gateway: "chat-1", Headers: map[string]string{"x-token": "secret"}, Registerer: metrics,
		Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(tracer.Close)
	if err := tracer.Configure(c); err != nil {
		t.Fatal(err)
	}
	return tracer, metrics
}

func TestSpansAreSent(t *testing.T) {
	collector := collectortest.Start(t)
	tracer, _ := start(t, &tracing.Config{Endpoint: collector.URL, PerMillion: 1_000_000})
	root := tracer.Start(tracing.SpanEvent, tracing.Consumer, nil)
	root.Set(tracing.Namespace, "/")
	root.Set(tracing.Event, "")
	root.Of("abc", trace.New(sampled, ""))
	child := tracer.Continue(tracing.SpanPublish, tracing.Producer, root.Place())
	child.SetInt(tracing.Rooms, 3)
	child.End(true)
	child.End(false) // has no effect
	root.End(false)
	remote := tracer.Start(tracing.SpanEmit, tracing.Server, trace.New(sampled, "rojo=1"))
	if got := remote.Place().State; got != "rojo=1" {
		t.Errorf("the state is %q", got)
	}
	remote.End(false)
	tracer.Close()
	spans := collector.Spans()
	if len(spans) != 3 || collector.Header().Get("X-Token") != "secret" {
		t.Fatalf("the collector has %+v", spans)
	}
	ids := root.Place()
	want := []collectortest.Span{
		{
			Name: "publish", Kind: "SPAN_KIND_PRODUCER", Trace: ids.TraceID(), ID: child.Place().SpanID(), Parent: ids.SpanID(), Failed: true,
			Attributes: map[string]any{tracing.Rooms: int64(3)}, Service: "default/chat", Gateway: "chat-1",
		},
		{
			Name: "event", Kind: "SPAN_KIND_CONSUMER", Trace: ids.TraceID(), ID: ids.SpanID(), Links: []string{"00f067aa0ba902b7"},
			Attributes: map[string]any{tracing.Namespace: "/", tracing.Connection: "abc"}, Service: "default/chat", Gateway: "chat-1",
		},
		{
			Name: "emit", Kind: "SPAN_KIND_SERVER", Trace: "4bf92f3577b34da6a3ce929d0e0e4736", ID: remote.Place().SpanID(), Parent: "00f067aa0ba902b7",
			Attributes: map[string]any{}, Service: "default/chat", Gateway: "chat-1",
		},
	}
	if diff := cmp.Diff(want, spans); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSampling(t *testing.T) {
	collector := collectortest.Start(t)
	count := func(tracer *tracing.Tracer, parent *trace.Parent) (n int) {
		for range 10_000 {
			if span := tracer.Start(tracing.SpanEvent, tracing.Consumer, parent); span != nil {
				n++
			}
		}
		return n
	}
	for _, c := range []struct{ perMillion, least, most int }{{0, 0, 0}, {10_000, 40, 200}, {1_000_000, 10_000, 10_000}} {
		tracer, _ := start(t, &tracing.Config{Endpoint: collector.URL, PerMillion: c.perMillion})
		if n := count(tracer, nil); n < c.least || n > c.most {
			t.Errorf("of 10000 traces at %d in a million, %d are sampled", c.perMillion, n)
		}
		if n := count(tracer, trace.New(sampled, "")); n != 10_000 {
			t.Errorf("of traces that others sample, %d of 10000 are", n)
		}
		if n := count(tracer, trace.New(unsampled, "")); n != 0 {
			t.Errorf("of traces that others do not sample, %d are", n)
		}
		if tracer.Continue(tracing.SpanDeliver, tracing.Consumer, nil) != nil {
			t.Error("a span without a trace is sampled")
		}
	}
}

// Whoever holds no tracer, or one that is off, gets nil spans, which do nothing.
func TestTracingThatIsOff(t *testing.T) {
	off, _ := start(t, nil)
	for _, tracer := range []*tracing.Tracer{nil, off} {
		span := tracer.Start(tracing.SpanEvent, tracing.Consumer, trace.New(sampled, ""))
		span.Set(tracing.Namespace, "/")
		span.SetInt(tracing.Rooms, 1)
		span.Of("abc", trace.New(sampled, ""))
		span.End(true)
		if span != nil || span.Place() != nil || tracer.On() {
			t.Error("there is a span")
		}
		tracer.Close()
	}
	if n := testing.AllocsPerRun(100, func() { off.Start(tracing.SpanEvent, tracing.Consumer, nil).End(false) }); n != 0 {
		t.Errorf("%v allocations while it is off", n)
	}
}

func TestUnsampledEventsCostNoAllocation(t *testing.T) {
	tracer, _ := start(t, &tracing.Config{Endpoint: "http://127.0.0.1:1"})
	if n := testing.AllocsPerRun(100, func() { tracer.Start(tracing.SpanEvent, tracing.Consumer, nil).End(false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConfigurationsReplaceEachOther(t *testing.T) {
	first, second := collectortest.Start(t), collectortest.Start(t)
	tracer, _ := start(t, &tracing.Config{Endpoint: first.URL, PerMillion: 1_000_000})
	tracer.Start("one", tracing.Internal, nil).End(false)
	if err := tracer.Configure(&tracing.Config{Endpoint: second.URL + "/", PerMillion: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	tracer.Start("two", tracing.Internal, nil).End(false)
	if err := tracer.Configure(&tracing.Config{Endpoint: "ftp://x"}); err == nil || !tracer.On() {
		t.Errorf("an invalid configuration: %v", err)
	}
	if err := tracer.Configure(nil); err != nil || tracer.On() {
		t.Errorf("off: %v", err)
	}
	tracer.Close()
	if one, two := first.Spans(), second.Spans(); len(one) != 1 || one[0].Name != "one" || len(two) != 1 || two[0].Name != "two" {
		t.Errorf("the first has %+v, the second %+v", one, two)
	}
	if err := tracer.Configure(&tracing.Config{Endpoint: first.URL}); err != nil || tracer.On() {
		t.Errorf("a closed tracer is on: %v", err)
	}
}

// results are the counts of spans.
func results(t *testing.T, metrics *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			counts[m.Label[0].GetValue()] = m.Counter.GetValue()
		}
	}
	return counts
}

// A collector that does not answer holds up nobody, and takes no more memory than the queue has.
func TestACollectorThatDoesNotAnswer(t *testing.T) {
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-answer
	}))
	defer stuck.Close()
	defer close(answer)
	tracer, metrics := start(t, &tracing.Config{Endpoint: stuck.URL, PerMillion: 1_000_000})
	const batch, most, more = 512, 4096, 10
	for range batch {
		tracer.Start("one", tracing.Internal, nil).End(false)
	}
	<-asked
	for range most + more {
		tracer.Start("one", tracing.Internal, nil).End(false)
	}
	if got := results(t, metrics); got["dropped"] != more {
		t.Errorf("the counts are %v", got)
	}
	tracer.Close() // gives up after two seconds
	if got := results(t, metrics); got["dropped"] != more || got["failed"] != batch+most || got["sent"] != 0 {
		t.Errorf("at the end, the counts are %v", got)
	}
}

func TestACollectorThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	for _, endpoint := range []string{"http://" + l.Addr().String(), refusing.URL} {
		tracer, metrics := start(t, &tracing.Config{Endpoint: endpoint, PerMillion: 1_000_000})
		tracer.Start("one", tracing.Internal, nil).End(false)
		tracer.Close()
		if got := results(t, metrics); got["failed"] != 1 {
			t.Errorf("%s: the counts are %v", endpoint, got)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://collector:4318": "http://collector:4318/v1/traces", "https://collector/": "https://collector/v1/traces",
		"https://collector/tenant/v1/traces": "https://collector/tenant/v1/traces",
		"":                                   "", "collector:4318": "", "grpc://collector:4317": "", "http://": "", "http://a:b@collector": "", "http://collector?token=x": "", "http://[::1": "",
	} {
		got, err := tracing.ParseEndpoint(endpoint)
		if got != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "a:b") {
			t.Errorf("%q: %q, %v", endpoint, got, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want *tracing.Config
		err  string
	}{
		"nothing":           {nil, nil, ""},
		"base":              {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, &tracing.Config{Endpoint: "http://c:4318/v1/traces", PerMillion: 1_000_000}, ""},
		"traces":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://d/x"}, &tracing.Config{Endpoint: "http://d/x", PerMillion: 1_000_000}, ""},
		"ratio":             {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}, &tracing.Config{Endpoint: "http://c/v1/traces", PerMillion: 10_000}, ""},
		"never":             {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_SAMPLER": "always_off"}, &tracing.Config{Endpoint: "http://c/v1/traces"}, ""},
		"disabled":          {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "TRUE"}, nil, ""},
		"no URL":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317"}, nil, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no ratio":          {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN"}, nil, "OTEL_TRACES_SAMPLER_ARG"},
		"an unknown choice": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_SAMPLER": "jaeger_remote"}, nil, "OTEL_TRACES_SAMPLER"},
	} {
		got, err := tracing.ConfigFromEnv(func(name string) string { return test.env[name] })
		if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != (test.err != "") || !strings.Contains(fmt.Sprint(err), test.err) {
			t.Errorf("%s: %v, %s", name, err, diff)
		}
	}
	headers, err := tracing.HeadersFromEnv(func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20x, a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=2="}[name]
	})
	if diff := cmp.Diff(map[string]string{"authorization": "Bearer x", "a": "2="}, headers); diff != "" || err != nil {
		t.Errorf("%v, %s", err, diff)
	}
	if _, err := tracing.HeadersFromEnv(func(string) string { return "secret" }); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("headers that are none: %v", err)
	}
}

func BenchmarkStart(b *testing.B) {
	for _, perMillion := range []int{-1, 0, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("per million %d", perMillion), func(b *testing.B) {
			tracer := tracing.New(tracing.Options{Log: slog.New(slog.DiscardHandler)})
			defer tracer.Close()
			if perMillion >= 0 {
				collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				defer collector.Close()
				if err := tracer.Configure(&tracing.Config{Endpoint: collector.URL, PerMillion: perMillion}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				tracer.Start(tracing.SpanEvent, tracing.Consumer, nil).End(false)
			}
		})
	}
}
