// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// tracePublication begins the span of an event that leaves this gateway, which is the parent of its
// deliveries on others; nil if the event is not traced.
func (c *Cluster) tracePublication(d *socketio.Delivery) *tracing.Span {
	span := c.tracer.Continue(tracing.SpanPublish, tracing.Producer, d.Trace)
	if span == nil {
		return nil
	}
	d.Trace = span.Place()
	return describe(span, d)
}

// describe says in a span how large an event is, and for how many rooms. Names of rooms may be
// those of people.
func describe(span *tracing.Span, d *socketio.Delivery) *tracing.Span {
	span.SetInt(tracing.Rooms, len(d.Rooms))
	span.SetInt(tracing.Size, len(d.Text))
	return span
}
