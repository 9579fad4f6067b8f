// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Host is what recovery needs of the gateway. Its methods may be called from any goroutine.
type Host interface {
	// NATS returns the gateway's connection.
	NATS() *nats.Conn
	// Send publishes to other gateways over core NATS: in order, and not at all if NATS is away for
	// long.
	Send(subject string, data []byte)
	// PeersTakeDeltas reports whether all other gateways understand the deltas of sessions.
	PeersTakeDeltas() bool
	// Decode decodes an event of the log. It counts malformed events.
	Decode(data []byte) (*wire.Message, error)
	// MalformedEvent counts an event that is not a valid packet.
	MalformedEvent()
	// Call calls the application's code, and recovers a panic.
	Call(f func())
	// Go runs a function in a goroutine that the gateway waits for when it ends.
	Go(f func())
}

// Base is the adapter of a namespace without recovery. Its methods may be called from any
// goroutine.
type Base interface {
	Namespace() *socketio.Namespace
	Subjects() wire.Subjects
	Rooms() *socketio.Rooms
	// Join, Leave and LeaveAll are those of an Adapter; JoinWaits reports whether Join has to wait.
	Join(s *socketio.Socket, rooms ...string)
	Leave(s *socketio.Socket, room string)
	LeaveAll(s *socketio.Socket)
	JoinWaits(s *socketio.Socket, rooms ...string) bool
	// KeepPlaces has the places of a socket in rooms with a capacity wait for its client, which may
	// come back: LeaveAll, which comes next, does not free them.
	KeepPlaces(s *socketio.Socket)
	// Begin states that the events of a subject up to a sequence concern nobody here, if none has
	// arrived yet.
	Begin(subject string, sequence uint64)
	// Advance and StartOver are those of eventlog.Namespace.
	Advance(subject string, sequence uint64) (before uint64)
	StartOver()
}

// Config determines which sessions are stored, and for how long.
type Config struct {
	// Service is the name of the service, and Gateway the id of this gateway.
	Service, Gateway string
	// MaxDisconnection is how long after the loss of its connection a client may come back.
	MaxDisconnection time.Duration
	// MaxMessages is how many events such a client may have missed. A client that has missed more
	// starts a new session.
	MaxMessages int
	// Detection is how long the loss of a connection may go unnoticed: the heartbeat's interval and
	// timeout.
	Detection time.Duration
	// HistoryBytes bounds the memory of this gateway for the histories of all rooms; see
	// history.NewCache.
	HistoryBytes int
	// Log receives errors.
	Log     *slog.Logger
	Metrics *Metrics
}

// refresh is how often a session that does not change is stored again, so that it does not expire.
func (c *Config) refresh() time.Duration { return max(c.MaxDisconnection/2, time.Second) }

// Retention is how long the log must keep events and sessions: a session that was last written one
// refresh before its gateway died, and whose client took its time to notice and to return, must
// still exist with everything that it has missed since.
func (c *Config) Retention() time.Duration { return c.refresh() + c.Detection + c.MaxDisconnection }
