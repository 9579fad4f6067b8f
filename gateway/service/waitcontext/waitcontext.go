// SPDX-License-Identifier: Apache-2.0

// Package waitcontext has a context for sockets that may have to wait for somebody, and mostly need
// not.
package waitcontext

import (
	"context"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Context ends with a socket, or when its client has waited for a time. It is
// made when somebody waits, which few clients have to: a socket's context takes memory for as long
// as the socket is there. Safe for concurrent use, except for End.
type Context struct {
	socket *socketio.Socket
	within time.Duration
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
}

var _ context.Context = (*Context)(nil)

// New returns the context of a socket that waits for a time at most.
func New(s *socketio.Socket, within time.Duration) *Context {
	return &Context{socket: s, within: within}
}

func (w *Context) get() context.Context {
	w.once.Do(func() { w.ctx, w.cancel = context.WithTimeout(w.socket.Context(), w.within) })
	return w.ctx
}

// End ends the context, which is not used after that.
func (w *Context) End() {
	if w.cancel != nil {
		w.cancel()
	}
}

// Deadline implements context.Context.
func (w *Context) Deadline() (time.Time, bool) { return w.get().Deadline() }

// Done implements context.Context.
func (w *Context) Done() <-chan struct{} { return w.get().Done() }

// Err implements context.Context.
func (w *Context) Err() error { return w.get().Err() }

// Value implements context.Context.
func (w *Context) Value(key any) any { return w.get().Value(key) }
