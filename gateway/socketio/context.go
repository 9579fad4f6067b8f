// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/early"
)

// extras are the parts that few sockets have. They are allocated when needed, so that idle sockets
// take less memory.
type extras struct {
	// ctx is the socket's context, and cancel ends it; both are nil until Context is called.
	ctx      context.Context
	cancel   context.CancelFunc
	identity client.Holder
	// early are the events that middlewares have emitted to a client that is still connecting; see
	// Socket.emitEarly.
	early early.Queue
}

// needExtras is called with mu held.
func (s *Socket) needExtras() *extras {
	if s.extras == nil {
		s.extras = &extras{}
	}
	return s.extras
}

// Context is the context for what the socket's handlers call. It has the values of the request that
// began the connection: what an http.Handler around the server, or a middleware of
// Options.Engine.Middlewares, has stored by [http.Request.WithContext], like socket.request in
// Node.
//
// It ends as soon as the client has left the namespace or its connection is lost, even while
// handlers of the socket are still running or waiting, so that no work continues for a client that
// has gone. It has therefore ended when the handlers of OnDisconnecting and OnDisconnect are
// called. If these need its values in a context that has not ended, they use
// [context.WithoutCancel].
func (s *Socket) Context() context.Context {
	parent := s.conn.Session().Context()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.needExtras()
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithCancel(parent)
		if s.ended {
			e.cancel()
		}
	}
	return e.ctx
}

// ConnectionContext is the context of the connection, for code that waits before the socket is
// connected. Context takes more memory.
func (s *Socket) ConnectionContext() context.Context { return s.conn.Session().Context() }

// endContext ends the context of a socket that leaves.
func (s *Socket) endContext() {
	s.mu.Lock()
	s.ended = true
	e, l := s.extras, s.listener
	s.mu.Unlock()
	if l != nil {
		l.OnEnd()
	}
	if e != nil && e.cancel != nil {
		e.cancel()
	}
}
