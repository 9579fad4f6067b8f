// SPDX-License-Identifier: Apache-2.0

// Package trace carries the place of an event in a distributed trace, in the form of W3C's Trace
// Context (https://www.w3.org/TR/trace-context/), from the emitter of the event to its delivery. It
// creates no spans.
package trace

import (
	"context"
	"strings"
)

// Parent is the place of an event in a trace. It does not change.
type Parent struct {
	// ID is the value of the header traceparent, such as
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.
	ID string
	// State is the value of the header tracestate; empty if there is none.
	State string
}

const (
	// maxTraceParent leaves room for later versions of the header: parsers of version 00 read its
	// first 55 bytes.
	maxTraceParent = 128
	// maxTraceState is the length that everybody has to pass on; a longer state may be dropped
	// (section 3.3.1.5).
	maxTraceState = 512
)

// New returns the parent that the headers traceparent and tracestate describe; nil if the first is
// invalid. A tracestate that may be dropped, because it is too long or not text, is dropped.
func New(parent, state string) *Parent {
	if !isTraceParent(parent) {
		return nil
	}
	if len(state) > maxTraceState || strings.ContainsFunc(state, func(c rune) bool { return c < ' ' || c > '~' }) {
		state = ""
	}
	return &Parent{parent, state}
}

// isTraceParent accepts version 00, and the part of later versions that is common to them (section
// 3.2.4).
func isTraceParent(s string) bool {
	const id, parent, flags, end = 3, 36, 53, 55
	if len(s) < end || len(s) > maxTraceParent || s[id-1] != '-' || s[parent-1] != '-' || s[flags-1] != '-' {
		return false
	}
	switch version := s[:id-1]; {
	case !isHex(version), version == "ff", version == "00" && len(s) != end, len(s) > end && s[end] != '-':
		return false
	}
	if strings.ContainsFunc(s[end:], func(c rune) bool { return c < ' ' || c > '~' }) {
		return false
	}
	return isHexID(s[id:parent-1]) && isHexID(s[parent:flags-1]) && isHex(s[flags:end])
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}

// isHexID returns false for zero, which is an invalid id.
func isHexID(s string) bool { return isHex(s) && strings.Trim(s, "0") != "" }

// TraceID returns the id of the trace, 32 hexadecimal digits.
func (p *Parent) TraceID() string { return p.ID[3:35] }

// SpanID returns the id of the span that is the parent, 16 hexadecimal digits.
func (p *Parent) SpanID() string { return p.ID[36:52] }

// Sampled reports whether the spans of the trace are kept.
func (p *Parent) Sampled() bool {
	digit := p.ID[54] // hexadecimal; the letters begin with a, which is even
	if digit >= 'a' {
		digit -= 'a'
	}
	return digit&1 == 1
}

type contextKey struct{}

// NewContext returns a context with a parent; ctx itself if the parent is nil.
func NewContext(ctx context.Context, p *Parent) context.Context {
	if p == nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns the parent of a context; nil if it has none.
func FromContext(ctx context.Context) *Parent {
	p, _ := ctx.Value(contextKey{}).(*Parent)
	return p
}
