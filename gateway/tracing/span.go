// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Kind is the role of a span in its trace.
type Kind = otel.SpanKind

// The kinds of spans.
const (
	Internal = otel.SpanKindInternal
	Server   = otel.SpanKindServer
	Client   = otel.SpanKindClient
	Producer = otel.SpanKindProducer
	Consumer = otel.SpanKindConsumer
)

// Span is a span that has begun. A nil Span is one that is not sampled: its methods do nothing. End
// ends it. One goroutine at a time may use it.
type Span struct {
	span  otel.Span
	place *trace.Parent
}

// Place is what the spans of the work that follows have as their parent; nil for a nil Span.
func (s *Span) Place() *trace.Parent {
	if s == nil {
		return nil
	}
	return s.place
}

// Set adds an attribute, whose key is one of the constants of this package, unless it is empty.
func (s *Span) Set(key, value string) {
	if s != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// SetInt adds an attribute with a number.
func (s *Span) SetInt(key string, value int) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(key, value))
	}
}

// Of names the connection that the span belongs to, and links the span of its handshake; nil if
// that is not sampled.
func (s *Span) Of(connection string, handshake *trace.Parent) {
	s.Set(Connection, connection)
	if s != nil && handshake != nil {
		s.span.AddLink(otel.Link{SpanContext: contextOf(handshake)})
	}
}

// LogAttr is what log lines say of the span; nothing of a nil Span.
func (s *Span) LogAttr() slog.Attr {
	if s == nil {
		return slog.Attr{}
	}
	return slog.String("trace_id", s.place.TraceID())
}

// End ends the span. Of a failure it says no more than that, since errors quote what clients send.
// Ending it again has no effect.
func (s *Span) End(failed bool) {
	if s == nil {
		return
	}
	if failed {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// contextOf returns a place in the form of OpenTelemetry. It is remote: the process that made it
// may be another.
func contextOf(p *trace.Parent) otel.SpanContext {
	if p == nil {
		return otel.SpanContext{}
	}
	var c otel.SpanContextConfig
	c.TraceID, _ = otel.TraceIDFromHex(p.TraceID()) // both are valid, as trace.New has checked
	c.SpanID, _ = otel.SpanIDFromHex(p.SpanID())
	if p.Sampled() {
		c.TraceFlags = otel.FlagsSampled
	}
	c.TraceState, _ = otel.ParseTraceState(p.State) // or it is dropped, which everybody may do
	c.Remote = true
	return otel.NewSpanContext(c)
}

// placeOf is the inverse of contextOf.
func placeOf(c otel.SpanContext) *trace.Parent {
	return trace.New("00-"+c.TraceID().String()+"-"+c.SpanID().String()+"-01", c.TraceState().String())
}

// parentContext returns a context with a parent for the SDK.
func parentContext(p *trace.Parent) context.Context {
	ctx := context.Background()
	if p == nil {
		return ctx
	}
	return otel.ContextWithRemoteSpanContext(ctx, contextOf(p))
}
