// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// outbox holds what a client has to publish, in order. put is for anybody, the rest for the client.
type outbox struct {
	wake chan struct{} // of capacity 1

	mu      sync.Mutex
	waiting []protocol.Message
}

func (o *outbox) put(m protocol.Message) {
	o.mu.Lock()
	o.waiting = append(o.waiting, m)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// first is the message to emit now; it counts the attempt.
func (o *outbox) first() (protocol.Message, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return protocol.Message{}, false
	}
	o.waiting[0].Attempt++
	return o.waiting[0], true
}

// shorten takes off the first message what may have been too much of it.
func (o *outbox) shorten() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) > 0 {
		o.waiting[0].Padding = 0
	}
}

// take removes the message that was acknowledged.
func (o *outbox) take() protocol.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.waiting[0]
	o.waiting = o.waiting[1:]
	return m
}
