// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/collectortest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

const traced = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: traced, namespace: default}
spec:
  gateway: {TRACING}
  protocol: {trustedProxies: [TRUSTED]}
  authentication:
  - {name: web, webhook: {serviceRef: {name: program, port: PORT}}}
  - {name: bus, nats: {subject: who}}
  namespaces:
  - {name: /bus, authentication: [bus]}
  - name: /
    authentication: [web]
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "[]"}]}
    - {event: say, do: [{emit: {rooms: ["args[0]"], event: said, args: "[args[1]]"}}]}
    - {event: fail, do: [{set: {name: "args[5]"}}]}
`

const (
	someTrace   = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceParent = "00-" + someTrace + "-00f067aa0ba902b7-01"
)

// tracedService is one of two gateways, and a program that says who clients are.
type tracedService struct {
	t         *testing.T
	gateways  []*Gateway
	urls      []string
	apis      []string
	nats      *nats.Conn
	collector *collectortest.Collector
	said      *wiretest.Lines
	// asked are the values of traceparent of questions, over HTTP and NATS.
	asked chan string
	// headers are those of the messages between gateways.
	headers chan string
}

// startTraced starts gateways; replace is for the manifest.
func startTraced(t *testing.T, replace ...string) *tracedService {
	t.Helper()
	leakCheck(t)
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	s := &tracedService{t: t, collector: collectortest.Start(t), said: &wiretest.Lines{}, asked: make(chan string, 64), headers: make(chan string, 64)}
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked <- r.Header.Get("traceparent")
		_, _ = io.WriteString(w, `{"user":"secretuser"}`)
	}))
	t.Cleanup(program.Close)
	var err error
	if s.nats, err = nats.Connect(server.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.nats.Close)
	s.subscribe("who", func(msg *nats.Msg) {
		s.asked <- msg.Header.Get("traceparent")
		_ = msg.Respond([]byte(`{"user":"secretuser"}`))
	})
	s.subscribe("rts.>", func(msg *nats.Msg) {
		if strings.Contains(string(msg.Data), "said") {
			s.headers <- msg.Header.Get("traceparent")
		}
	})
	replace = append(replace, "PORT", program.URL[strings.LastIndex(program.URL, ":")+1:],
		"TRACING", `tracing: {endpoint: "`+s.collector.URL+`", samplingRatePerMillion: 1000000}`, "TRUSTED", "127.0.0.0/8")
	svc, err := manifest.Load(t.Context(), []byte(strings.NewReplacer(replace...).Replace(traced)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		g, err := New(svc, "1", Options{
			Name: fmt.Sprint("gateway-", i), NATSURLs: []string{server.ClientURL()}, LocalServices: true,
			Log: slog.New(slog.NewTextHandler(s.said, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		g.SetAPITokens([]byte("secrettoken\n"))
		clients, api, ops := httptest.NewServer(g.Handler()), httptest.NewServer(g.API()), httptest.NewServer(g.Ops())
		t.Cleanup(func() {
			g.Close()
			http.DefaultClient.CloseIdleConnections()
			clients.Close()
			api.Close()
			ops.Close()
		})
		await(t, ops.URL+"/readyz", ready)
		s.gateways, s.urls, s.apis = append(s.gateways, g), append(s.urls, clients.URL), append(s.apis, api.URL)
	}
	return s
}

func (s *tracedService) subscribe(subject string, f func(*nats.Msg)) {
	s.t.Helper()
	if _, err := s.nats.Subscribe(subject, f); err != nil {
		s.t.Fatal(err)
	}
	if err := s.nats.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

// enter connects a client to a gateway, which joins a room.
func (s *tracedService) enter(gateway int, header http.Header) *wiretest.Client {
	s.t.Helper()
	c := wiretest.Dial(s.t, s.urls[gateway], enginePath, "&token=secretquery", header)
	s.t.Cleanup(c.Close)
	c.Send(`40{"token":"secretauth"}`)
	if got := c.Receive(); !strings.HasPrefix(got, "40{") {
		s.t.Fatal(got)
	}
	c.Send(`420["enter","secretroom"]`)
	c.Expect(`430[]`)
	return c
}

// named are the spans of a name.
func named(spans []collectortest.Span, name string) (all []collectortest.Span) {
	return slices.DeleteFunc(slices.Clone(spans), func(s collectortest.Span) bool { return s.Name != name })
}

// has waits for the only span of a name, at a gateway and with an attribute.
func (s *tracedService) has(name, gateway, key string, value any) collectortest.Span {
	s.t.Helper()
	var found []collectortest.Span
	s.collector.Await(s.t, func(spans []collectortest.Span) bool {
		found = slices.DeleteFunc(named(spans, name), func(span collectortest.Span) bool {
			return span.Gateway != gateway || key != "" && span.Attributes[key] != value
		})
		return len(found) > 0
	})
	return found[0]
}

func TestATraceSpansGateways(t *testing.T) {
	for _, protocol := range []string{"protocol:", "recovery: {}\n  protocol:"} {
		s := startTraced(t, "protocol:", protocol)
		header := http.Header{"X-Request-Id": {"request-1"}, "Traceparent": {traceParent}}
		ada, bob := s.enter(0, header), s.enter(1, nil)
		ada.Send(`42["say","secretroom","secretmessage"]`)
		for _, c := range []*wiretest.Client{ada, bob} {
			if got := c.Receive(); !strings.Contains(got, "secretmessage") {
				t.Fatal(got)
			}
		}
		event := s.has(tracing.SpanEvent, "gateway-0", tracing.Event, "say")
		publish := s.has(tracing.SpanPublish, "gateway-0", tracing.Rooms, int64(1))
		deliver := s.has(tracing.SpanDeliver, "gateway-1", tracing.Rooms, int64(1))
		if publish.Parent != event.ID || deliver.Parent != publish.ID || publish.Trace != event.Trace || deliver.Trace != event.Trace {
			t.Errorf("the spans are\n%+v\n%+v\n%+v", event, publish, deliver)
		}
		if want := "00-" + event.Trace + "-" + publish.ID + "-01"; <-s.headers != want {
			t.Errorf("the header of the message is another than %s", want)
		}
		handshake := s.has(tracing.SpanHandshake, "gateway-0", tracing.Status, int64(101))
		asked := s.has(tracing.SpanAuthenticate, "gateway-0", tracing.Result, "ok")
		if handshake.Trace != someTrace || handshake.Parent != "00f067aa0ba902b7" || asked.Trace != someTrace || asked.Parent != handshake.ID {
			t.Errorf("the spans are\n%+v\n%+v", handshake, asked)
		}
		if want := "00-" + someTrace + "-" + asked.ID + "-01"; <-s.asked != want {
			t.Errorf("the program is not asked with %s", want)
		}
		want := map[string]any{tracing.Namespace: "/", tracing.Event: "say", tracing.Connection: "request-1"}
		if diff := cmp.Diff(want, event.Attributes); diff != "" || !slices.Equal(event.Links, []string{handshake.ID}) {
			t.Errorf("the event has links to %v and %s", event.Links, diff)
		}
	}
}

// What programs send begins their traces, or continues them.
func TestTracesOfPrograms(t *testing.T) {
	s := startTraced(t)
	s.enter(1, nil)
	s.enter(1, nil).Send(`40/bus,{"token":"secretauth"}`)
	s.has(tracing.SpanAuthenticate, "gateway-1", tracing.Entry, "bus")
	r, err := http.NewRequest("POST", s.apis[0]+emitPath, strings.NewReader(`{"event":"said","rooms":["secretroom"]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer secrettoken"}, "Traceparent": {traceParent}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	emit := s.has(tracing.SpanEmit, "gateway-0", tracing.Via, "http")
	deliver := s.has(tracing.SpanDeliver, "gateway-1", "", nil)
	if emit.Trace != someTrace || emit.Parent != "00f067aa0ba902b7" || deliver.Trace != someTrace || emit.Attributes[tracing.Status] != int64(200) {
		t.Errorf("the spans are\n%+v\n%+v", emit, deliver)
	}
	for range 3 {
		if got := <-s.asked; !strings.HasPrefix(got, "00-") {
			t.Errorf("a program is asked with %q", got)
		}
	}
}

// What is not sampled has no header, and so has everything while tracing is off. A client cannot
// have its handshake traced, nor say how it is called.
func TestNothingIsTracedUnlessItIsSampled(t *testing.T) {
	for name, replace := range map[string][]string{
		"off":           {"gateway: {TRACING}", "gateway: {}"},
		"never sampled": {"1000000}", "0}", "TRACING", `tracing: {endpoint: "http://127.0.0.1:1", samplingRatePerMillion: 0}`, "TRUSTED", "192.0.2.0/24"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startTraced(t, replace...)
			header := http.Header{"X-Request-Id": {"chosen-by-a-client"}, "Traceparent": {traceParent}}
			ada, bob := s.enter(0, header), s.enter(1, header)
			ada.Send(`42["say","secretroom","secretmessage"]`)
			bob.Expect(`42["said","secretmessage"]`)
			if got := <-s.headers; got != "" {
				t.Errorf("the message has the trace %s", got)
			}
			if got := <-s.asked; got != "" {
				t.Errorf("the program is asked with the trace %s", got)
			}
			ada.Send(`42["fail"]`)
			wiretest.Await(t, "the failure is logged", func() bool { return s.said.Has("a handler failed") })
			if name == "off" { // whoever it is, the proxy is trusted
				return
			}
			if s.said.Has("chosen-by-a-client") || s.said.Has("trace_id") {
				t.Errorf("the log is\n%s", s.said.All())
			}
		})
	}
}

// Log lines of one client have one id, from its handshake on.
func TestLogLinesNameTheConnection(t *testing.T) {
	s := startTraced(t)
	c := s.enter(0, http.Header{"X-Request-Id": {"request-1"}, "Traceparent": {traceParent}})
	c.Send(`42["fail"]`, `4x`)
	c.ExpectClosed()
	wiretest.Await(t, "both are logged", func() bool { return s.said.Has("a handler failed") && s.said.Has("bad packet") })
	for line := range strings.Lines(s.said.All()) {
		failed := strings.Contains(line, "a handler failed")
		if (failed || strings.Contains(line, "bad packet")) && !strings.Contains(line, " connection=request-1 ") {
			t.Errorf("the connection is not in %s", line)
		}
		if failed && (!strings.Contains(line, " handshake_trace_id="+someTrace+" ") || !strings.Contains(line, " trace_id=") || !strings.Contains(line, " socket=")) {
			t.Errorf("the traces are not in %s", line)
		}
	}
}

// A collector learns nothing by which one could become a client, and nothing that clients say.
func TestSpansHaveNoSecrets(t *testing.T) {
	s := startTraced(t)
	header := http.Header{"Authorization": {"Bearer secretheader"}, "Cookie": {"a=secretcookie"}, "X-Request-Id": {"bad id"}}
	ada, bob := s.enter(0, header), s.enter(1, header)
	ada.Send(`42["say","secretroom","secretmessage"]`)
	ada.Expect(`42["said","secretmessage"]`)
	bob.Expect(`42["said","secretmessage"]`)
	ada.Send(`42["fail","secretargument"]`)
	post(t, s.apis[0], emitPath, "secrettoken", `{"event":"secretevent","rooms":["secretroom"],"args":["secretargument"]}`)
	post(t, s.apis[0], emitPath, "secretwrong", `{"event":"secretevent"}`)
	ada.Expect(`42["secretevent","secretargument"]`)
	s.has(tracing.SpanEvent, "gateway-0", tracing.Event, "fail")
	s.has(tracing.SpanEmit, "gateway-0", tracing.Via, "http")
	for _, g := range s.gateways {
		g.Close()
	}
	allowed := []string{
		tracing.Namespace, tracing.Event, tracing.Connection, tracing.Transport, tracing.Status, tracing.Entry, tracing.Result,
		tracing.Via, tracing.Rooms, tracing.Size,
	}
	names := map[string]bool{}
	for _, span := range s.collector.Spans() {
		names[span.Name] = true
		for key := range span.Attributes {
			if !slices.Contains(allowed, key) {
				t.Errorf("a span has %s", key)
			}
		}
	}
	if len(names) != 6 {
		t.Errorf("there are spans %v", names)
	}
	secrets := planted{"session": ada.SID, "other session": bob.SID, "client's text": "secret", "bad id": "bad id"}
	for _, body := range s.collector.Bodies() {
		secrets.wantNone(t, "the collector's", string(body))
	}
}

// Profiles are on loopback while the manifest has them there, and nowhere else.
func TestProfilesAreServedOnRequest(t *testing.T) {
	leakCheck(t)
	var p profiling
	log := slog.New(slog.DiscardHandler)
	port := func() int32 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return int32(l.Addr().(*net.TCPAddr).Port)
	}
	p.configure(nil, log)
	first, second := port(), port()
	for _, at := range []int32{first, first, second} {
		p.configure(&v1alpha1.ProfilingSpec{Port: at}, log)
		url := fmt.Sprintf("http://127.0.0.1:%d", at)
		if status, body := get(t, url+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
			t.Errorf("at %d, answered %d %s", at, status, body)
		}
		if status, _ := get(t, url+"/debug/pprof/cmdline"); status != http.StatusNotFound {
			t.Errorf("the command line is answered %d", status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", first)); err == nil {
		t.Error("the first port is still open")
	}
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	said := &wiretest.Lines{}
	p.configure(&v1alpha1.ProfilingSpec{Port: first}, said.Logger())
	if !said.Has("spec.gateway.profiling.port cannot be used") {
		t.Errorf("the log is %s", said.All())
	}
	p.configure(nil, log)
	p.close()
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", second)); err == nil {
		t.Error("the second port is still open")
	}
}
