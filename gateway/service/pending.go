// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
)

// placeHandler is where a panic of a handler is stopped.
const placeHandler = "handler"

// errPanicked is why a handler fails whose wait has panicked; its log line has more.
var errPanicked = errors.New("it panicked")

// pending is what a step waits for, be it NATS, the log, other gateways or clients, and how the run goes on.
// Every action that waits is one. It holds up no goroutine that others need: it has one of its own, whose
// stack is small, while expressions have made that of the run deep; and a gateway may wait for many clients
// at once.
//
//	handler ── step returns with r.pending ──▶ waits ── wait returns ──▶ then, in the socket's turn
type pending struct {
	// wait does the waiting. Its context ends after the timeout, or when the client has gone. What has no
	// timeout bounds itself; its context does not end.
	wait    func(context.Context)
	timeout time.Duration
	// then goes on where the step has stopped, and the handler with the next step behind it; nil: at once.
	then step
	// aside: other events of the socket are handled meanwhile, such as the client's answer that is
	// waited for. Then the run ends here if the client goes. Otherwise the socket's events wait for
	// the run, and those that tell of the client's end as well.
	aside bool
}

// await lets the run stand still for something. A client that is leaving waits for nothing.
func (r *run) await(p *pending) error {
	if p.aside {
		if most := r.limits().WaitingHandlers; r.client.waiting() >= most {
			return fmt.Errorf("%d handlers of the connection wait for answers, which is the most", most)
		}
	} else if r.leaving() {
		if err := r.client.waitFor(p); err != nil {
			return err
		}
		return p.goOn(r)
	}
	r.pending = p
	return nil
}

// leaving tells whether what becomes of the socket does not wait for the run.
func (r *run) leaving() bool {
	return r.event == nil && r.Name != v1alpha1.EventConnection
}

// wait goes on with the run when what it stands still for is there.
func (r *run) wait() {
	p, c := r.pending, r.client
	r.pending = nil
	var err error
	if !p.aside {
		r.Socket.After(func() { err = c.waitFor(p) }, func() { c.resume(r, p, err) })
		return
	}
	present := c.socket.Context()
	c.count.Add(1)
	go func() {
		err := c.waitFor(p)
		c.socket.InTurn(func() {
			c.count.Add(-1)
			if present.Err() == nil { // else there is nobody any more for whom to go on
				c.resume(r, p, err)
			}
		})
	}()
}

// waitFor waits. If that panics, it is the handler that fails.
//
//nolint:contextcheck // it takes the socket's context, whoever runs or compiles the handler
func (c *client) waitFor(p *pending) (err error) {
	defer func() {
		if value := recover(); value != nil {
			c.runtime.panics.Tell(placeHandler, value, "socket", c.socket.LogID())
			err = errPanicked
		}
	}()
	if p.timeout == 0 { // a socket keeps its context once it has one: it is not asked for where nothing ends by it
		p.wait(unbounded)
		return nil
	}
	ctx, cancel := context.WithTimeout(c.socket.Context(), p.timeout)
	defer cancel()
	p.wait(ctx)
	return nil
}

// unbounded is the context of waits that bound themselves.
var unbounded = context.Background()

// resume goes on with a run whose wait is over.
func (c *client) resume(r *run, p *pending, err error) {
	r.Data = celvalue.DataOf(c.socket) // other events may have changed it
	if err == nil {
		err = r.take(p.goOn)
	}
	if err != nil {
		c.runtime.failed(r, fmt.Errorf("do[%d]: %w", r.step-1, err))
		r.next()
	}
	c.runtime.proceed(r)
}

func (p *pending) goOn(r *run) error {
	if p.then == nil {
		return nil
	}
	return p.then(r)
}
