// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// clientError is a refusal that the client is told of: a *forbiddenError or a *conflictError. It is
// no failure of the handler.
type clientError interface {
	error
	answer() socketio.Args
}

// run is the handling of one event, in the socket's turn. It is suspended while a step waits; see
// pending.
type run struct {
	eval.Variables
	event    *socketio.Event // nil at connection, disconnecting and disconnect
	client   *client
	handlers []*handler // the current one and those that follow
	step     int        // the next one of the current handler
	stopped  bool       // the current handler ends after the step that runs
	failed   bool       // a handler has failed
	// refused is the first refusal that the client is told of.
	refused clientError
	pending *pending // what the last step waits for
	binding *binding
	span    *tracing.Span     // nil if the event is not traced
	receipt *socketio.Receipt // of what has been emitted so far; see emitReceipt
	// computing reports whether a resumed run is within Socket.Compute.
	computing bool
}

// begin starts a handler. It returns false if the handler's condition is not met.
func (r *run) begin(h *handler) (bool, error) {
	r.ClearResults()
	if h.when == nil {
		return true, nil
	}
	met, err := r.Condition(h.when)
	if err != nil {
		return false, fmt.Errorf("when: %w", err)
	}
	return met, nil
}

// largeEvent is the size of an event's arguments, in bytes, from which on expressions may take long
// enough to delay other clients.
const largeEvent = 32 << 10

// runHandler runs a handler from its next step, up to the first that fails or waits. done is false
// if a step waits. If the event is large, other clients are served in the meantime.
func (r *run) runHandler(h *handler) (done bool, err error) {
	if r.computing || r.event == nil || len(r.Args.JSON) < largeEvent {
		return r.runSteps(h)
	}
	return r.compute(h)
}

// compute is separate from runHandler because its closure is on the heap.
func (r *run) compute(h *handler) (done bool, err error) {
	r.Socket.Compute(func() { done, err = r.runSteps(h) })
	return done, err
}

func (r *run) runSteps(h *handler) (done bool, err error) {
	if r.step == 0 {
		if met, err := r.begin(h); err != nil || !met {
			return true, err
		}
	}
	for r.step < len(h.steps) && !r.stopped {
		i := r.step
		r.step++
		if err := r.runStep(h.steps[i]); err != nil {
			return true, fmt.Errorf("do[%d]: %w", i, err)
		}
		if r.pending != nil {
			return false, nil
		}
	}
	return true, nil
}

// runStep runs a step. It fails if the event's work budget is exhausted.
func (r *run) runStep(s step) (err error) {
	defer r.Budget.Recover(&err)
	return s(r)
}

// nextHandler continues with the next handler.
func (r *run) nextHandler() {
	r.handlers, r.step, r.stopped = r.handlers[1:], 0, false
}

// trace returns the event's trace; nil if it has none.
func (r *run) trace() *trace.Parent {
	if r.event == nil {
		return nil
	}
	return r.event.Trace()
}

func (r *run) limits() socketio.Limits { return r.Socket.Namespace().Server().Limits() }

// runHandlers runs the remaining handlers in order. If one fails, the next ones still run. If one
// waits, runHandlers returns false, and the run continues later. After the last one, a client that
// waits for an acknowledgement and has received none receives it.
func (r *Runtime) runHandlers(run *run) (ended bool) {
	for len(run.handlers) > 0 {
		done, err := run.runHandler(run.handlers[0])
		if !done {
			run.wait()
			return false
		}
		if err != nil {
			r.failed(run, err)
		}
		run.nextHandler()
	}
	run.span.End(run.failed)
	if run.event == nil {
		return true
	}
	answer := answerDone
	switch {
	case run.refused != nil:
		answer = run.refused.answer()
	case run.failed:
		answer = answerFailed
	}
	run.ack(answer)
	return true
}

// failed counts and logs a failure of the current handler. A wait that ended because the client
// left is no failure, nor is what a rule does not allow.
func (r *Runtime) failed(run *run, err error) {
	var refused clientError
	if errors.As(err, &refused) {
		run.refused = cmp.Or(run.refused, refused)
		return
	}
	run.failed = true
	if errors.Is(err, context.Canceled) && run.Socket.Context().Err() != nil {
		return
	}
	run.binding.failures.Inc()
	handler, namespace := run.handlers[0], run.Socket.Namespace().Name()
	r.countLimitHit(err, run.binding.label, handler.place, run.action)
	r.logLimit.Warn(r.log.With("namespace", namespace, "handler", handler.place), handler, "a handler failed",
		"event", fmt.Sprintf("%.128q", run.Name), run.Socket.LogAttr(), run.span.LogAttr(), "error", err)
}

// action returns the path of the current action within its handler.
func (r *run) action() string {
	if r.step == 0 {
		return "when"
	}
	return fmt.Sprintf("do[%d]", r.step-1)
}

// describe says in the span which event it is, and has what the event causes continue the trace.
func (r *run) describe() {
	r.span.Set(tracing.Namespace, r.binding.label)
	if _, named := r.binding.namespace.events[r.Name]; named {
		r.span.Set(tracing.Event, r.Name)
	}
	r.span.Of(r.Socket.Origin())
	r.event.SetContext(trace.NewContext(r.event.Context(), r.span.Place()))
}
