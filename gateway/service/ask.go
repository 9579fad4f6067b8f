// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// defaultAckTimeout is for a service that has not been through the schema.
	defaultAckTimeout = 5 * time.Second
)

// errPanicked is why a handler fails that has panicked; its log line has more.
var errPanicked = errors.New("it panicked")

// client is what the runtime keeps of a socket beside its data. It is used in the connection's turn alone.
type client struct {
	runtime *Runtime
	socket  *socketio.Socket
	// binding is that of the namespace to the program of the last event; see bound.
	binding *binding
	// waits is how many handlers of the socket wait for answers.
	waits int
}

// waiting is how many handlers of the connection wait.
func (c *client) waiting() int {
	n := 0
	for _, l := range c.socket.ConnectionListeners() {
		if other, ok := l.(*client); ok {
			n += other.waits
		}
	}
	return n
}

// question is an event that a handler has clients acknowledge.
type question struct {
	event   string
	timeout time.Duration
	// ask sends it, and waits for the answers.
	ask func(context.Context) ([]socketio.Args, error)
}

// ask lets the run stand still until clients have answered.
func (r *run) ask(m *emission, ask func(context.Context) ([]socketio.Args, error)) error {
	if most := r.limits().WaitingHandlers; r.client.waiting() >= most {
		return fmt.Errorf("emit %s: %d handlers of the connection wait for answers, which is the most", m.event, most)
	}
	r.question = &question{m.event, cmp.Or(m.ack.Timeout.Duration, defaultAckTimeout), ask}
	return nil
}

// await asks the question that a run stands still for, and goes on with the run when the answers are there, unless the socket has left: then
// there is nobody any more for whom to go on. It does not wait itself, so that the client's next packets, its own answer
// among them, are not held up.
func (c *client) await(r *run) {
	q := r.question
	r.question = nil
	present := c.socket.Context()
	ctx, cancel := context.WithTimeout(present, q.timeout)
	c.waits++
	go func() {
		defer cancel()
		answers, err := c.ask(ctx, q)
		c.socket.InTurn(func() {
			c.waits--
			if present.Err() == nil {
				c.resume(r, q, answers, err)
			}
		})
	}()
}

// ask asks a question. If that panics, it is the handler that fails.
func (c *client) ask(ctx context.Context, q *question) (answers []socketio.Args, err error) {
	defer func() {
		if value := recover(); value != nil {
			c.runtime.panics.Tell(placeHandler, value, "socket", c.socket.LogID())
			err = errPanicked
		}
	}()
	return q.ask(ctx)
}

// resume goes on with a run whose answers are there.
func (c *client) resume(r *run, q *question, answers []socketio.Args, err error) {
	r.data = dataOf(c.socket) // other events may have changed it
	r.answers, r.missing = r.answerList(answers), err != nil
	if err != nil && !unanswered(err) {
		c.runtime.failed(r, fmt.Errorf("do[%d]: emit %s: %w", r.step-1, q.event, err))
		r.next()
	}
	c.runtime.proceed(r)
}

// unanswered tells an error that means no more than that a client has not answered, in time or at all.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, socketio.ErrDisconnected) || errors.Is(err, socketio.ErrManyAcks)
}

func (v *variables) answerList(answers []socketio.Args) ref.Val {
	values := make([]ref.Val, len(answers))
	for i, a := range answers {
		if len(a.JSON) == 0 {
			a = answerDone
		}
		values[i] = fromJSON(a.JSON, origin{a.Attachments, &v.budget})
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}
