// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"net/http"
)

// sessionContext is what a session has of its context. A session whose context has no values, and was
// never asked for, has none. Guarded by the session's mu.
type sessionContext struct {
	// values is the context that the configuration has made of the handshake; nil stands for one
	// without values.
	values context.Context
	// ctx is derived from values when it is asked for first; nil before. cancel ends it.
	ctx    context.Context
	cancel context.CancelFunc
}

// newSessionContext keeps the values of a handshake's request.
func (c *Config) newSessionContext(r *http.Request) *sessionContext {
	if c.SessionContext == nil {
		return &sessionContext{values: context.WithoutCancel(r.Context())}
	}
	ctx := c.SessionContext(r)
	if ctx == nil || ctx == context.Background() {
		return nil
	}
	return &sessionContext{values: ctx}
}

// Context is the session's context. Its values are those of the handshake's request, with what
// middlewares and the handlers around the server have put there, unless Config.SessionContext says
// otherwise. It ends as soon as the session closes: while a handler may still run, and before OnClose.
func (s *Session) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.context == nil {
		s.context = &sessionContext{}
	}
	c := s.context
	if c.ctx == nil {
		values := c.values
		if values == nil {
			values = context.Background()
		}
		c.ctx, c.cancel = context.WithCancel(values)
		if s.state != stateOpen {
			c.cancel()
		}
	}
	return c.ctx
}

// end ends the context, if anybody has it.
func (c *sessionContext) end() {
	if c != nil && c.cancel != nil {
		c.cancel()
	}
}
