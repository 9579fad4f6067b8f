// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"
	"sync/atomic"
)

// ServerSideEvent is an event that another server of the cluster has sent by ServerSideEmit.
type ServerSideEvent struct {
	// Name of the event.
	Name string
	// Args are the arguments. They may be kept, and must not be changed.
	Args Args

	answer func(Args)
	// open is true while the other server waits for an answer.
	open atomic.Bool
}

// NeedsAck tells whether the other server waits for an answer that nobody has given.
func (e *ServerSideEvent) NeedsAck() bool { return e.open.Load() }

// Ack answers the other server. The first answer counts; after it, or when none is asked for, Ack returns ErrNoAck.
func (e *ServerSideEvent) Ack(values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", e.Name, err)
	}
	if !e.open.CompareAndSwap(true, false) {
		return ErrNoAck
	}
	e.answer(args)
	return nil
}

// OnServerSide adds a handler for an event of the other servers'. Handlers of different events run in parallel.
func (n *Namespace) OnServerSide(event string, f func(*ServerSideEvent)) (off func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.onServerSide == nil {
		n.onServerSide = map[string]handlers[func(*ServerSideEvent)]{}
	}
	list := n.onServerSide[event]
	h := list.add(f)
	n.onServerSide[event] = list
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		list := n.onServerSide[event]
		list.remove(h)
		n.onServerSide[event] = list
	}
}

// ServerSideEmit sends an event to the namespace on the other servers of the cluster, not to clients and not to itself.
// See NewArgs for values.
func (n *Namespace) ServerSideEmit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err == nil {
		err = n.adapter.ServerSideEmit(event, args)
	}
	if err != nil {
		return fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return nil
}

// ServerSideEmitWithAck is ServerSideEmit that waits for an answer of each other server, until the context ends. The answers
// that came in are returned in either case; the error is nil if that is all of them.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return nil, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	answers, err := n.adapter.ServerSideEmitWithAck(ctx, event, args)
	if err != nil {
		return answers, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return answers, nil
}

// HandleServerSide is for adapters: it gives the namespace an event of another server's. answer is nil if none is asked for.
// It runs the handlers, and returns whether there was one.
func (n *Namespace) HandleServerSide(event string, args Args, answer func(Args)) bool {
	n.mu.RLock()
	list := n.onServerSide[event]
	n.mu.RUnlock()
	e := &ServerSideEvent{Name: event, Args: args, answer: answer}
	e.open.Store(answer != nil)
	for _, f := range list {
		(*f)(e)
	}
	return len(list) > 0
}
