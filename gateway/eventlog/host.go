// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Host is the gateway that a log is part of: what the log needs of it. Its methods may be called from any goroutine, unless they say
// otherwise.
type Host interface {
	Connection
	// Peers lists the other gateways that are alive.
	Peers() []string
	// Namespace is the one that a subject of an event belongs to; nil if it has been removed.
	Namespace(subject string) Namespace
	// Namespaces are all of them.
	Namespaces() []Namespace
	// Decode reads an event that another gateway has stored. One that cannot be read is counted.
	Decode(data []byte) (*wire.Message, error)
	// Malformed counts another message that cannot be read.
	Malformed(msg *nats.Msg, err error)
	// Go runs a function in a goroutine that the gateway waits for when it ends.
	Go(f func())
	// LogLost is called in the loop when the log was lost, LogRestored when all gateways use the one in its place; see Log.startOver.
	// What the host stores for itself it may store again after the second.
	LogLost()
	LogRestored()
}

// Connection is the gateway's connection to NATS, on which all arrives that the loop is to take.
type Connection interface {
	NATS() *nats.Conn
	// Connections counts those that were made. It grows before anything comes in on a new one.
	Connections() uint64
	// Request and PublishRequest send a request, and wait until the context ends if NATS is away.
	Request(ctx context.Context, subject string, data []byte) (*nats.Msg, error)
	PublishRequest(ctx context.Context, subject, reply string, data []byte) error
	// Send tells the other gateways something, on core NATS: in order, and never if NATS is away for long.
	Send(subject string, data []byte)
	// Queued hands over, in the loop, all messages that had come in before the call and were not taken yet. Those that take leaves, by
	// returning false, are dealt with as at any time.
	Queued(take func(*nats.Msg) bool)
}

// Namespace is a Socket.IO namespace, with its members on this gateway. Its methods are called in the loop, but for KeepFor.
type Namespace interface {
	Subjects() wire.Subjects
	Rooms() *socketio.Rooms
	// Advance notes the sequence of a message on a subject, and returns that of the one before it; 0 if that is not known.
	Advance(subject string, sequence uint64) (before uint64)
	// KeepFor is how long an event for rooms is kept at least, besides what Config.Retention says.
	KeepFor(rooms []string) time.Duration
	// Stored is told of each event, in order, before it is delivered; and again of one that is in the log twice.
	Stored(rooms []string, m Message)
	// IsRevised tells whether an event for rooms carries its revision.
	IsRevised(rooms []string) bool
	// Gap is told that events are lost, so that what was kept of the log has the same gap.
	Gap()
	// StartOver is told that the log starts over: all of the new one is for the members that there are.
	StartOver()
	// ReleaseAll ends what is stored of members that have missed events, so that they do not come back as if they had not.
	ReleaseAll(members []*socketio.Socket)
}
