// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"log/slog"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

type handshakeKey struct{}

// WithHandshake returns a context that has the span of the handshake, for the values of a session;
// ctx itself if the span is nil.
func WithHandshake(ctx context.Context, span *Parent) context.Context {
	if span == nil {
		return ctx
	}
	return context.WithValue(ctx, handshakeKey{}, span)
}

// HandshakeOf returns the span of a session's handshake; nil if its trace is not sampled.
func HandshakeOf(s *engineio.Session) *Parent {
	p, _ := s.Value(handshakeKey{}).(*Parent)
	return p
}

// OriginOf returns the name of a session in logs, and HandshakeOf.
func OriginOf(s *engineio.Session) (connection string, handshake *Parent) {
	return s.LogID(), HandshakeOf(s)
}

// LogAttr returns what log lines say of a client: its socket, the connection, and the trace of the
// handshake, if it is sampled. They are found out when a line is written.
func LogAttr(socket string, s *engineio.Session) slog.Attr {
	return slog.Any("", &logged{socket, s})
}

type logged struct {
	socket  string
	session *engineio.Session
}

// LogValue returns a group that is inlined, as LogAttr gives it no name.
func (l *logged) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("socket", l.socket), slog.String("connection", l.session.LogID())}
	if p := HandshakeOf(l.session); p != nil {
		attrs = append(attrs, slog.String("handshake_trace_id", p.TraceID()))
	}
	return slog.GroupValue(attrs...)
}
