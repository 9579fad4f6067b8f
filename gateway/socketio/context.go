// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

// extras are what few sockets have: a gateway with many that do nothing keeps none of it.
type extras struct {
	// ctx is the socket's context, and cancel ends it; nil until it is asked for.
	ctx    context.Context
	cancel context.CancelFunc
	// identity is nil for an anonymous client.
	identity *Identity
	// early are the events that middlewares have emitted to a client that is not connected yet; see
	// Socket.emitEarly.
	early *[]earlyEvent
}

// needExtras is called with mu held.
func (s *Socket) needExtras() *extras {
	if s.extras == nil {
		s.extras = &extras{}
	}
	return s.extras
}

// Context is what the socket's handlers pass on to what they call. It has the values of the request that
// began the connection: what an http.Handler around the server, or a middleware of
// Options.Engine.Middlewares, has put there by [http.Request.WithContext], as socket.request has in Node.
//
// It ends when the client has left the namespace or its connection is lost: at once, while handlers of the
// socket may still be running or waiting, so that nothing goes on for a client that has gone. So it has
// ended when the handlers of OnDisconnecting and OnDisconnect are called; one that needs the values for
// something that takes a live context uses [context.WithoutCancel].
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

// endContext ends the context of a socket that leaves.
func (s *Socket) endContext() {
	s.mu.Lock()
	s.ended = true
	e := s.extras
	s.mu.Unlock()
	if e != nil && e.cancel != nil {
		e.cancel()
	}
}
