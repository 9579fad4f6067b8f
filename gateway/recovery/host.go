// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Host is the gateway whose sessions are kept: what recovery needs of it. Its methods may be called from any goroutine.
type Host interface {
	// NATS is the gateway's connection.
	NATS() *nats.Conn
	// Send tells other gateways something, on core NATS: in order, and never if NATS is away for long.
	Send(subject string, data []byte)
	// PeersTakeDeltas tells whether all other gateways understand the deltas of sessions.
	PeersTakeDeltas() bool
	// Decode reads an event of the log. One that cannot be read is counted.
	Decode(data []byte) (*wire.Message, error)
	// MalformedEvent counts an event that is no packet.
	MalformedEvent()
	// Call calls the application's code, of which a panic ends nothing else.
	Call(f func())
	// Go runs a function in a goroutine that the gateway waits for when it ends.
	Go(f func())
}

// Base is the adapter of a namespace as it is without recovery. Its methods may be called from any goroutine.
type Base interface {
	Namespace() *socketio.Namespace
	Subjects() wire.Subjects
	Rooms() *socketio.Rooms
	// Join, Leave and LeaveAll are those of an Adapter; JoinWaits tells whether Join has to wait.
	Join(s *socketio.Socket, rooms ...string)
	Leave(s *socketio.Socket, room string)
	LeaveAll(s *socketio.Socket)
	JoinWaits(s *socketio.Socket, rooms ...string) bool
	// Begin says that the events of a subject up to a sequence concern nobody here, if none has come in yet.
	Begin(subject string, sequence uint64)
	// Advance and StartOver are those of eventlog.Namespace.
	Advance(subject string, sequence uint64) (before uint64)
	StartOver()
}

// Config says which sessions are kept, and for how long.
type Config struct {
	// Service names the service, Gateway is the id of this gateway.
	Service, Gateway string
	// MaxDisconnection is how long after the loss of its connection a client may come back.
	MaxDisconnection time.Duration
	// MaxMessages is how much such a client may have missed. A client that has missed more starts a new session.
	MaxMessages int
	// Detection is how long the loss of a connection may go unnoticed: the heartbeat's interval and timeout.
	Detection time.Duration
	// HistoryBytes bounds what the histories of all rooms take in the memory of this gateway; see history.NewCache.
	HistoryBytes int
	// Log gets what cannot be kept.
	Log     *slog.Logger
	Metrics *Metrics
}

// refresh is how often the log is told of a session that does not change, so that it does not forget it.
func (c *Config) refresh() time.Duration { return max(c.MaxDisconnection/2, time.Second) }

// Retention is how long the log must keep events and sessions: a session that was last written one refresh before its gateway
// died, and whose client took its time to notice and to come back, must be there with all that it has missed since.
func (c *Config) Retention() time.Duration { return c.refresh() + c.Detection + c.MaxDisconnection }
