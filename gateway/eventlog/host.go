// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Host is what the log needs of its gateway. Its methods may be called from any goroutine, unless
// they say otherwise.
type Host interface {
	Connection
	// Peers returns the other gateways that are alive.
	Peers() []string
	// Namespace returns the namespace of an event's subject; nil if it has been removed.
	Namespace(subject string) Namespace
	// Namespaces returns all of them.
	Namespaces() []Namespace
	// Decode decodes an event that another gateway has stored. It counts malformed events.
	Decode(data []byte) (*wire.Message, error)
	// Malformed counts a malformed message of another kind.
	Malformed(msg *nats.Msg, err error)
	// Go runs a function in a goroutine that the gateway waits for when it ends.
	Go(f func())
	// LogLost is called in the loop when the log incarnation was lost, and LogRestored when all
	// gateways use the next one; see Log.startOver. After the latter, the host may store its own
	// messages again.
	LogLost()
	LogRestored()
}

// Connection is the gateway's connection to NATS, on which all messages for the loop arrive.
type Connection interface {
	NATS() *nats.Conn
	// Connections counts the connections that were made. It increases before anything arrives on a
	// new one.
	Connections() uint64
	// Request and PublishRequest send a request, and wait until the context ends if NATS is away.
	Request(ctx context.Context, subject string, data []byte) (*nats.Msg, error)
	PublishRequest(ctx context.Context, subject, reply string, data []byte) error
	// Send publishes to the other gateways over core NATS: in order, and not at all if NATS is away
	// for long.
	Send(subject string, data []byte)
	// Queued passes on, in the loop, all messages that had arrived before the call and were not
	// handled yet. If take returns false, the message is handled as usual.
	Queued(take func(*nats.Msg) bool)
}

// Namespace is a Socket.IO namespace, with its members on this gateway. Its methods are called in
// the loop, except KeepFor.
type Namespace interface {
	Subjects() wire.Subjects
	Rooms() *socketio.Rooms
	// Advance stores the sequence of a message on a subject, and returns that of the one before it;
	// 0 if that is not known.
	Advance(subject string, sequence uint64) (before uint64)
	// KeepFor returns how long an event for rooms is kept at least, besides Config.Retention.
	KeepFor(rooms []string) time.Duration
	// Stored is called for each event, in order, before it is delivered; and again for an event
	// that is in the log twice.
	Stored(rooms []string, m Message)
	// IsRevised reports whether an event for rooms carries its revision.
	IsRevised(rooms []string) bool
	// Gap is called when events are lost, so that histories of the log have the same gap.
	Gap()
	// StartOver is called when the log starts over: all messages of the new incarnation are for the
	// present members.
	StartOver()
	// ReleaseAll ends the sessions of members that have missed events, so that they do not return
	// as if they had not.
	ReleaseAll(members []*socketio.Socket)
}
