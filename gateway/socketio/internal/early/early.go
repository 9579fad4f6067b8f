// SPDX-License-Identifier: Apache-2.0

// Package early keeps events for a client that is still connecting. Stock clients take none before
// the answer to CONNECT; those for Node buffer them themselves.
package early

import (
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Event is an event that was emitted to a connecting socket.
type Event struct {
	Packet *parser.Packet
	Flags  event.Flags
}

// Queue has events in their order. The zero value is empty. Not safe for concurrent use.
type Queue struct{ events *[]Event }

// Add adds an event, if there are fewer than most.
func (q *Queue) Add(e Event, most int) bool {
	if q.events == nil {
		q.events = &[]Event{}
	}
	if len(*q.events) >= most {
		return false
	}
	e.Flags.Receipt.Expect()
	*q.events = append(*q.events, e)
	return true
}

// Take returns and removes the events.
func (q *Queue) Take() []Event {
	if q.events == nil {
		return nil
	}
	events := *q.events
	q.events = nil
	return events
}

// Send sends events, and reports those that cannot be sent.
func Send(events []Event, send func(*parser.Packet, event.Flags) error, failed func(error)) {
	for _, e := range events {
		err := send(e.Packet, e.Flags)
		e.Flags.Receipt.Resolve(err)
		if err != nil {
			failed(err)
		}
	}
}

// Drop drops the events of a client that was refused.
func Drop(events []Event) {
	for _, e := range events {
		e.Flags.Receipt.Resolve(fmt.Errorf("emit %s: %w", e.Packet.Event, event.ErrDisconnected))
	}
}
