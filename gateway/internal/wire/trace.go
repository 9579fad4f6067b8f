// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// The names of W3C's Trace Context, as NATS's own servers write them.
const (
	headerTraceParent = "traceparent"
	headerTraceState  = "tracestate"
)

// TraceHeader is what a message between gateways, or in the log, has in its NATS header; nil
// without a trace. Gateways of an earlier release look at other headers alone, and at the message's
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

// TraceOf reads what TraceHeader has written; nil if there is none, or it makes no sense.
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
