// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// authenticationTime is how long a client may wait for somebody to say who it is, such as for the
// first fetch of a JWK set.
const authenticationTime = 5 * time.Second

// waitingContext ends with a socket, or when its client has waited for authenticationTime. It is
// made when somebody waits, which few clients have to: a socket's context takes memory for as long
// as the socket is there. Safe for concurrent use, except for end.
type waitingContext struct {
	socket *socketio.Socket
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
}

var _ context.Context = (*waitingContext)(nil)

func (w *waitingContext) get() context.Context {
	w.once.Do(func() { w.ctx, w.cancel = context.WithTimeout(w.socket.Context(), authenticationTime) })
	return w.ctx
}

// end ends the context, which is not used after that.
func (w *waitingContext) end() {
	if w.cancel != nil {
		w.cancel()
	}
}

// Deadline, Done, Err and Value implement context.Context.
func (w *waitingContext) Deadline() (time.Time, bool) { return w.get().Deadline() }
func (w *waitingContext) Done() <-chan struct{}       { return w.get().Done() }
func (w *waitingContext) Err() error                  { return w.get().Err() }
func (w *waitingContext) Value(key any) any           { return w.get().Value(key) }
