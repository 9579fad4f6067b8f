// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// compileStep compiles an action, with its condition and what follows from it. The condition, nil
// if there is none, may be replaced before the first run.
func compileStep(a *v1alpha1.Action) (step, *cel.Program, error) {
	act, err := compileAction(a)
	if err != nil {
		return nil, nil, err
	}
	if a.Stop {
		act = thenStop(act)
	}
	if a.When == "" {
		return act, nil, nil
	}
	when, err := expression.Compile(expression.Condition, string(a.When))
	if err != nil {
		return nil, nil, fmt.Errorf("when: %w", err)
	}
	return func(r *run) error {
		met, err := r.Condition(when)
		if err != nil {
			return fmt.Errorf("when: %w", err)
		}
		if !met {
			return nil
		}
		return act(r)
	}, &when, nil
}

// thenStop ends the handler after a step, when it has waited for what it waits for.
func thenStop(act step) step {
	return func(r *run) error {
		r.stopped = true
		return act(r)
	}
}

// compileAction compiles what an action does.
func compileAction(a *v1alpha1.Action) (step, error) {
	switch {
	case a.Set != nil:
		return compileSet(a.Set)
	case a.Emit != nil:
		return compileEmit(a.Emit)
	case a.Join != "":
		return compileJoin(a.Join)
	case a.JoinOneOf != nil:
		return compileJoinOneOf(a.JoinOneOf)
	case a.Count != "":
		return compileCount(a.Count)
	case a.Leave != "":
		return compileLeave(a.Leave)
	case a.Ack != "":
		return compileAck(a.Ack)
	case a.History != nil:
		return compileHistory(a.History)
	case a.Presence != nil:
		return compilePresence(a.Presence)
	case a.Disconnect != nil:
		return disconnect(a.Disconnect.Close), nil
	case a.Stop:
		return func(*run) error { return nil }, nil
	default:
		return nil, fmt.Errorf("no action is given")
	}
}

func disconnect(closeConnection bool) step {
	return func(r *run) error {
		r.Socket.Disconnect(closeConnection)
		return nil
	}
}
