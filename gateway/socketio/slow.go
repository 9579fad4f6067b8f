// SPDX-License-Identifier: Apache-2.0

package socketio

import "sync/atomic"

// losses counts what clients lose that do not read. Safe for concurrent use.
type losses struct {
	volatileEvents, slowConsumers atomic.Uint64
}

// Losses is what clients have lost that did not read what they were sent.
type Losses struct {
	// VolatileEvents is how many volatile events were dropped; one for two clients counts twice.
	VolatileEvents uint64
	// SlowConsumers is how many connections were closed with ReasonSlowConsumer.
	SlowConsumers uint64
}

// Losses counts since the server was made.
func (s *Server) Losses() Losses {
	return Losses{VolatileEvents: s.losses.volatileEvents.Load(), SlowConsumers: s.losses.slowConsumers.Load()}
}

// QueueVolatile says whether volatile events wait like others for clients that cannot take them at once, up to the engine's
// MaxQueueBytes and MaxQueueMessages, beyond which a client is disconnected. By default such events are dropped. It holds from the next event
// on, for all connections.
func (s *Server) QueueVolatile(queue bool) { s.queueVolatile.Store(queue) }

// takes tells whether an event is to be sent to the socket. It counts one that is dropped.
func (s *Socket) takes(volatile bool) bool {
	if !s.arrived() {
		return false
	}
	server := s.conn.server
	if !volatile || s.conn.session.Writable() || server.queueVolatile.Load() {
		return true
	}
	server.losses.volatileEvents.Add(1)
	return false
}
