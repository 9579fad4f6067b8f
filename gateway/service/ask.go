// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// defaultAckTimeout is for a service that has not been through the schema.
const defaultAckTimeout = 5 * time.Second

// errPanicked is why a handler fails whose wait has panicked; its log line has more.
var errPanicked = errors.New("it panicked")

// client is what the runtime keeps of a socket beside its data. It is used in the socket's turn alone, but for count.
type client struct {
	runtime *Runtime
	socket  *socketio.Socket
	// binding is that of the namespace to the program of the last event; see bound.
	binding *binding
	// count is how many handlers of the socket wait for answers.
	count atomic.Int32
}

// waiting is how many handlers of the connection wait.
func (c *client) waiting() int {
	n := 0
	for _, l := range c.socket.ConnectionListeners() {
		if other, ok := l.(*client); ok {
			n += int(other.count.Load())
		}
	}
	return n
}

// ask lets the run stand still until clients have answered. Nothing of the connection is held up by that: the client's own
// answer may be among those that are waited for.
func (r *run) ask(m *emission, ask func(context.Context) ([]socketio.Args, error)) error {
	var answers []socketio.Args
	var err error
	p := &pending{
		aside:   true,
		timeout: cmp.Or(m.ack.Timeout.Duration, defaultAckTimeout),
		wait:    func(ctx context.Context) { answers, err = ask(ctx) },
		then: func(r *run) error {
			r.SetAnswers(answers, err != nil)
			if err != nil && !unanswered(err) {
				return fmt.Errorf("emit %s: %w", m.event, err)
			}
			return nil
		},
	}
	if err := r.await(p); err != nil {
		return fmt.Errorf("emit %s: %w", m.event, err)
	}
	return nil
}

// unanswered tells an error that means no more than that a client has not answered, in time or at all.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, socketio.ErrDisconnected) || errors.Is(err, socketio.ErrManyAcks)
}
