// SPDX-License-Identifier: Apache-2.0

// Package collectortest has a collector of spans for tests: a server that decodes OTLP over HTTP.
package collectortest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	pb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span that has arrived.
type Span struct {
	Name, Kind, Trace, ID, Parent string
	Attributes                    map[string]any
	Failed                        bool
	// Links are the ids of spans.
	Links []string
	// Service and Gateway are those of the resource.
	Service, Gateway string
}

// Collector has what has arrived. Safe for concurrent use.
type Collector struct {
	URL string

	mu      sync.Mutex
	spans   []Span
	bodies  [][]byte
	headers []http.Header
	changed chan struct{}
}

// Start starts a collector, which ends with the test.
func Start(t *testing.T) *Collector {
	t.Helper()
	c := &Collector{changed: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data pb.TracesData
		if err == nil {
			err = proto.Unmarshal(body, &data)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s, %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
			http.Error(w, "no spans", http.StatusBadRequest)
			return
		}
		c.take(body, r.Header, &data)
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(body []byte, header http.Header, data *pb.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies, c.headers = append(c.bodies, body), append(c.headers, header)
	for _, of := range data.ResourceSpans {
		resource := map[string]any{}
		for _, a := range of.Resource.Attributes {
			resource[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				span := read(s)
				span.Service, _ = resource["service.name"].(string)
				span.Gateway, _ = resource["service.instance.id"].(string)
				c.spans = append(c.spans, span)
			}
		}
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func read(s *pb.Span) Span {
	span := Span{
		Name: s.Name, Kind: s.Kind.String(), Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId),
		Parent: hex.EncodeToString(s.ParentSpanId), Attributes: map[string]any{}, Failed: s.Status.GetCode() == pb.Status_STATUS_CODE_ERROR,
	}
	for _, a := range s.Attributes {
		if n := a.Value.GetIntValue(); n != 0 {
			span.Attributes[a.Key] = n
			continue
		}
		span.Attributes[a.Key] = a.Value.GetStringValue()
	}
	for _, l := range s.Links {
		span.Links = append(span.Links, hex.EncodeToString(l.SpanId))
	}
	return span
}

// Spans are those that have arrived.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Bodies are those of the requests.
func (c *Collector) Bodies() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bodies)
}

// Header is that of the first request.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers[0]
}

// Await waits until the spans that have arrived are what is wanted, and returns them.
func (c *Collector) Await(t *testing.T, wanted func([]Span) bool) []Span {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		spans := c.Spans()
		if wanted(spans) {
			return spans
		}
		select {
		case <-c.changed:
		case <-late:
			t.Fatalf("the collector has %+v", spans)
		}
	}
}
