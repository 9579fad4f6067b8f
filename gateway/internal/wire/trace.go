// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// The names of W3C's Trace Context, as NATS's own servers write them.
const (
	headerTraceParent = "traceparent"
	headerTraceState  = "tracestate"
)

// TraceHeader returns the NATS header with the trace of a message between gateways, or in the log;
// nil without a trace. Gateways of an earlier release read only other headers, and the message's
// data, which is the same with and without it.
func TraceHeader(p *trace.Parent) nats.Header {
	if p == nil {
		return nil
	}
	h := nats.Header{headerTraceParent: []string{p.ID}}
	if p.State != "" {
		h[headerTraceState] = []string{p.State}
	}
	return h
}

// ContextHeader returns the header with the trace of a context; nil without one.
func ContextHeader(ctx context.Context) nats.Header { return TraceHeader(trace.FromContext(ctx)) }

// TraceOf is the inverse of TraceHeader; nil if there is no trace, or it is invalid.
func TraceOf(h nats.Header) *trace.Parent {
	parent := h.Get(headerTraceParent)
	if parent == "" {
		return nil
	}
	return trace.New(parent, h.Get(headerTraceState))
}

// AddTrace adds a trace to a header, which may be nil.
func AddTrace(h nats.Header, p *trace.Parent) nats.Header {
	added := TraceHeader(p)
	if h == nil {
		return added
	}
	for name, value := range added {
		h[name] = value
	}
	return h
}
