// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/eval"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Answers for events that ask for an acknowledgement and receive none from a handler. They tell
// clients nothing about the service.
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
	return ifAckWanted("ack", func(r *run) error {
		args, err := r.List(answer)
		if err != nil {
			return err
		}
		r.ack(args)
		return nil
	}), nil
}

// ifAckWanted makes a step of an action that only answers: it is skipped if the client has not
// asked for an acknowledgement.
func ifAckWanted(name string, answer step) step {
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

// ack answers the client once everything that the run has emitted is stored, so that a client with
// an answer need not send the event again. If it can never be stored, the answer is answerFailed.
// ack does nothing if the client wants no acknowledgement, or has received one.
func (r *run) ack(args socketio.Args) {
	_ = r.event.AckSettled(r.receipt, args, answerFailed)
}

// emitReceipt returns the receipt for everything that the run emits; nil if no acknowledgement
// depends on it.
func (r *run) emitReceipt() *socketio.Receipt {
	if r.receipt != nil || !r.needsAck() {
		return r.receipt
	}
	if _, stores := r.Socket.Namespace().Adapter().(socketio.SessionKeeper); stores {
		r.receipt = new(socketio.Receipt)
	}
	return r.receipt
}
