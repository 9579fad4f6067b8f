// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Answers to an event that asks for an acknowledgement and gets none from a handler. They tell a client nothing of the inside.
var (
	answerDone      = socketio.Args{JSON: []byte(`[]`)}
	answerFailed    = socketio.Args{JSON: []byte(`[{"error":"the service could not handle the event"}]`)}
	answerUnhandled = socketio.Args{JSON: []byte(`[{"error":"the service does not handle the event"}]`)}
)

func compileAck(e v1alpha1.Expression) (step, error) {
	answer, err := eval.CompileTemplate(string(e))
	if err != nil {
		return nil, fmt.Errorf("ack: %w", err)
	}
	return answering("ack", func(r *run) error {
		args, err := r.List(answer)
		if err != nil {
			return err
		}
		r.ack(args)
		return nil
	}), nil
}

// answering is an action that does nothing but answer: not where nobody waits for an answer.
func answering(name string, answer step) step {
	return func(r *run) error {
		if !r.needsAck() {
			return nil
		}
		if err := answer(r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
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
