// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// Event is an event that another server has sent by ServerSideEmit.
type Event struct {
	// Name is the name of the event.
	Name string
	// Args are the arguments. They may be kept, and must not be changed.
	Args event.Args

	answer func(event.Args)
	// open is true while the other server waits for an answer.
	open atomic.Bool
}

// NeedsAck reports whether the other server waits for an answer that nobody has given.
func (e *Event) NeedsAck() bool { return e.open.Load() }

// Ack answers the other server. Only the first answer counts; after it, or if no answer was asked
// for, Ack returns ErrNoAck.
func (e *Event) Ack(values ...any) error {
	args, err := event.NewArgs(values...)
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", e.Name, err)
	}
	if !e.open.CompareAndSwap(true, false) {
		return event.ErrNoAck
	}
	e.answer(args)
	return nil
}

// NewEvent returns an event from another server. answer is nil if that server does not wait for
// one.
func NewEvent(name string, args event.Args, answer func(event.Args)) *Event {
	e := &Event{Name: name, Args: args, answer: answer}
	e.open.Store(answer != nil)
	return e
}
