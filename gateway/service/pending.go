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

// placeHandler is the place of handlers in reports of panics.
const placeHandler = "handler"

// errPanicked is the error of a handler whose wait has panicked. The panic itself is logged.
var errPanicked = errors.New("it panicked")

// pending is what a step waits for (NATS, the log, other gateways or clients), and how the run
// continues. Every action that waits uses it. It blocks no goroutine that others need: it waits in
// one of its own, with a small stack, because the expressions of a run need a deep one and a
// gateway may wait for many clients at once.
//
//	handler ── step returns with r.pending ──▶ waits ── wait returns ──▶ then, in its turn
type pending struct {
	// wait blocks. Its context ends after the timeout, or when the client leaves. Without a
	// timeout, wait must return by itself, and its context does not end.
	wait    func(context.Context)
	timeout time.Duration
	// then is the rest of the step; nil: there is none. The handler continues after it.
	then step
	// aside: other events of the socket are handled in the meantime, such as the client's answer
	// that is waited for. Then the run ends here if the client disconnects. Otherwise the socket's
	// events wait for the run, including those that report the client's end.
	aside bool
}

// await suspends the run. If the client is leaving, it waits without suspending. It fails if too
// many handlers of the connection are suspended.
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

// leaving reports whether the socket's end does not wait for the run.
func (r *run) leaving() bool {
	return r.event == nil && r.Name != v1alpha1.EventConnection
}

// wait resumes the run when the wait is over.
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
			if present.Err() != nil { // the client has left
				r.span.End(true)
				return
			}
			c.resume(r, p, err)
		})
	}()
}

// waitFor waits. A panic fails the handler.
//
//nolint:contextcheck // it takes the socket's context, whoever runs or compiles the handler
func (c *client) waitFor(p *pending) (err error) {
	defer func() {
		if value := recover(); value != nil {
			c.runtime.panics.Tell(placeHandler, value, c.socket.LogAttr())
			err = errPanicked
		}
	}()
	// The context of a socket takes memory from its first use on, and is used only if it ends this.
	if p.timeout == 0 {
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

// resume continues a run whose wait is over. Many waits may end at once, so the runs take turns,
// and leave time for clients that wait for nothing.
func (c *client) resume(r *run, p *pending, err error) {
	c.socket.Compute(func() {
		r.computing = true
		c.goOn(r, p, err)
	})
}

func (c *client) goOn(r *run, p *pending, err error) {
	r.Data = celvalue.DataOf(c.socket) // other events may have changed it
	if err == nil {
		err = r.runStep(p.goOn)
	}
	if err != nil {
		c.runtime.failed(r, fmt.Errorf("do[%d]: %w", r.step-1, err))
		r.nextHandler()
	}
	c.runtime.runHandlers(r)
}

func (p *pending) goOn(r *run) error {
	if p.then == nil {
		return nil
	}
	return p.then(r)
}
