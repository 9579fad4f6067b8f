// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// run is one event on its way through its handlers, in the socket's turn. It stands still where a step waits for answers.
type run struct {
	eval.Variables
	event    *socketio.Event // nil at connection, disconnecting and disconnect
	client   *client
	handlers []*handler // those that are not done
	step     int        // the next one of that
	failed   bool       // one has
	pending  *pending   // what the last step waits for
	binding  *binding
	receipt  *socketio.Receipt // of what has been emitted so far; see collect
}

// begin starts a handler: it is false if its condition is not met.
func (r *run) begin(h *handler) (bool, error) {
	r.ClearAnswers()
	if h.when == nil {
		return true, nil
	}
	met, err := r.Condition(h.when)
	if err != nil {
		return false, fmt.Errorf("when: %w", err)
	}
	return met, nil
}

// handle runs a handler from the step that is next, up to the first that fails or waits. done is false if one waits.
func (r *run) handle(h *handler) (done bool, err error) {
	if r.step == 0 {
		if met, err := r.begin(h); err != nil || !met {
			return true, err
		}
	}
	for r.step < len(h.steps) {
		i := r.step
		r.step++
		if err := r.take(h.steps[i]); err != nil {
			return true, fmt.Errorf("do[%d]: %w", i, err)
		}
		if r.pending != nil {
			return false, nil
		}
	}
	return true, nil
}

// take runs a step. Work is paid for in expressions and in what becomes of their values.
func (r *run) take(s step) (err error) {
	defer r.Budget.Recover(&err)
	return s(r)
}

// next goes on to the next handler.
func (r *run) next() {
	r.handlers, r.step = r.handlers[1:], 0
}

// trace is that of the event; nil for none.
func (r *run) trace() *trace.Parent {
	if r.event == nil {
		return nil
	}
	return r.event.Trace()
}

func (r *run) limits() socketio.Limits { return r.Socket.Namespace().Server().Limits() }

// proceed runs handlers in order, from where the run stands. One that fails ends, and the next ones still run. One that waits for
// answers holds up the next ones, but no other event. When all are done, a client that waits for an acknowledgement and has
// none gets it. ended is false if one waits.
func (r *Runtime) proceed(run *run) (ended bool) {
	for len(run.handlers) > 0 {
		done, err := run.handle(run.handlers[0])
		if !done {
			run.wait()
			return false
		}
		if err != nil {
			r.failed(run, err)
		}
		run.next()
	}
	if run.event == nil {
		return true
	}
	answer := answerDone
	if run.failed {
		answer = answerFailed
	}
	run.ack(answer)
	return true
}

// failed counts and logs a failure of the handler at which the run stands. That it has waited for a
// client that has gone is none of the manifest's.
func (r *Runtime) failed(run *run, err error) {
	run.failed = true
	if errors.Is(err, context.Canceled) && run.Socket.Context().Err() != nil {
		return
	}
	run.binding.failures.Inc()
	r.countWork(err, run.binding.label, run.handlers[0].place, run.action())
	about := []any{
		"namespace", run.Socket.Namespace().Name(), "event", fmt.Sprintf("%.128q", run.Name), "handler", run.handlers[0].place,
	}
	r.logLimit.Log(run.handlers[0],
		func() { r.log.Warn("a handler failed", append(about, "socket", run.Socket.LogID(), "error", err)...) },
		func(more int) {
			r.log.Warn(fmt.Sprintf("a handler failed: %d more in the last minute", more), about...)
		})
}

// action is what the handler does now, as the manifest names it.
func (r *run) action() string {
	if r.step == 0 {
		return "when"
	}
	return fmt.Sprintf("do[%d]", r.step-1)
}
