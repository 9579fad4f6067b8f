// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
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

func (r *run) needsAck() bool { return r.event != nil && r.event.NeedsAck() }

// ack answers the client when what the event has led to is stored: who has an answer need not ask again. If it never will be,
// the answer is that the event could not be handled. One who wants none, or has its answer, gets none.
func (r *run) ack(args socketio.Args) {
	_ = r.event.AckSettled(r.receipt, args, answerFailed)
}

// collect is the receipt for what the run emits. It is nil if no answer depends on it.
func (r *run) collect() *socketio.Receipt {
	if r.receipt != nil || !r.needsAck() {
		return r.receipt
	}
	if _, stores := r.Socket.Namespace().Adapter().(socketio.SessionKeeper); stores {
		r.receipt = new(socketio.Receipt)
	}
	return r.receipt
}

func (r *run) limits() socketio.Limits { return r.Socket.Namespace().Server().Limits() }

// set evaluates all values, then writes them together.
func (r *run) set(names []string, programs []cel.Program) error {
	values := make([]ref.Val, len(names))
	for i, program := range programs {
		v, err := r.Eval(program)
		if err == nil {
			values[i], err = celvalue.Keep(v, &r.Budget)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", names[i], err)
		}
	}
	next := r.Data.With(names, values)
	if err := next.Check(r.limits().DataBytes); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	if err := r.Socket.CheckData(next); err != nil {
		return fmt.Errorf("set: %w", err)
	}
	r.Data = next
	r.Socket.SetData(next)
	r.touchPresence()
	return nil
}
