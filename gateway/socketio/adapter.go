// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Adapter keeps the rooms of one namespace and carries what concerns many sockets to them, on all servers. NewRooms is the one
// for a single server; package cluster has the one that reaches other gateways. Its methods are called from any goroutine.
// Those that take a context return when all servers have done their part, or the context ends.
type Adapter interface {
	// Join puts a socket into rooms. It returns when broadcasts to them reach the socket from everywhere.
	Join(s *Socket, rooms ...string)
	// Leave takes a socket out of a room.
	Leave(s *Socket, room string)
	// LeaveAll takes a socket out of all its rooms and out of the namespace.
	LeaveAll(s *Socket)
	// RoomsOf lists the rooms that a socket is in.
	RoomsOf(s *Socket) []string
	// RoomSizes are the rooms with members on this server, each with how many, but for those of sockets' ids.
	RoomSizes() map[string]int
	// RoomSize is the number of a room's members on this server.
	RoomSize(room string) int
	// Contains tells whether a socket is in a room.
	Contains(s *Socket, room string) bool
	// CountRooms is how many they are, about: 2.x clients have one that is not listed.
	CountRooms(s *Socket) int

	// Broadcast delivers to all who are meant, here and elsewhere. It does not block. An adapter that stores events first
	// reports to the delivery's Receipt, and returns an error if it is certain already that the event never will be stored.
	Broadcast(d *Delivery) error
	// BroadcastWithAck delivers like Broadcast, and collects the acknowledgements. Unless all who are meant have answered,
	// it returns an error beside the answers that are there.
	BroadcastWithAck(ctx context.Context, d *Delivery) ([]Args, error)

	// FetchSockets describes the sockets that are meant.
	FetchSockets(ctx context.Context, t Target) ([]RemoteSocket, error)
	// CountSockets returns how many FetchSockets would describe.
	CountSockets(ctx context.Context, t Target) (int, error)
	// SocketsJoin puts all who are meant into rooms.
	SocketsJoin(ctx context.Context, t Target, rooms ...string) error
	// SocketsLeave takes all who are meant out of rooms.
	SocketsLeave(ctx context.Context, t Target, rooms ...string) error
	// DisconnectSockets disconnects all who are meant.
	DisconnectSockets(ctx context.Context, t Target, closeConnection bool) error

	// ServerSideEmit sends an event to the namespace on the other servers; they get it by Namespace.HandleServerSide.
	ServerSideEmit(event string, args Args) error
	// ServerSideEmitWithAck is ServerSideEmit with an answer from each server.
	ServerSideEmitWithAck(ctx context.Context, event string, args Args) ([]Args, error)

	// Close releases what the adapter holds. Nothing is called after it.
	Close() error
}

// Target says which sockets of a namespace are meant.
type Target struct {
	// Rooms are those whose members are meant; nil means the whole namespace, and empty nobody.
	Rooms []string
	// Except are rooms whose members are left out.
	Except []string
	// Local means sockets of this server alone.
	Local bool
}

// Delivery is an event on its way to many: encoded once, with who is meant.
type Delivery struct {
	Target
	// Text and Attachments are the packet as it goes to each client. A parser that has no text leaves it empty.
	Text        []byte
	Attachments [][]byte
	// Volatile drops the event for clients that cannot take it at once.
	Volatile bool
	// ExtraArgs, if there are any, are appended to the arguments that clients get: JSON values with commas between them.
	// Where clients can be recovered, the last is a string, the offset by which they say what they have got.
	ExtraArgs []byte
	// Position is the event's place in the order in which a SessionKeeper has stored them; 0 if it has not.
	Position uint64
	// Uncompressed keeps the transport from compressing the packet.
	Uncompressed bool
	// Trace is the distributed trace that the event is part of; nil for none. An adapter carries it to the other servers.
	Trace *trace.Parent
	// Receipt learns whether an adapter that stores events has stored this one. It may be nil, and stays on this server.
	Receipt *Receipt

	// message is Text as the engine takes it, unless that has been replaced.
	message *engineio.Message
	// shared is what Share has begun; nil otherwise.
	shared *sharedMessages
}

func (d *Delivery) encoded() parser.Encoded {
	e := parser.Encoded{Text: d.Text, Attachments: d.Attachments, Uncompressed: d.Uncompressed}
	if d.message != nil && d.message.Carries(d.Text) {
		e.Message = d.message
	}
	return e
}

// sharedMessages are those of a delivery, made for the first who is sent it.
type sharedMessages struct {
	once     sync.Once
	messages []*engineio.Message
}

// Share has the messages of a delivery made once for all who are sent it, however often that happens. The delivery does not change
// any more.
func (d *Delivery) Share() { d.shared = &sharedMessages{} }

// messages are the packet as it goes to each client, with its extra arguments if it has any.
func (d *Delivery) messages(c parser.Codec) []*engineio.Message {
	if d.shared == nil {
		return d.encodeMessages(c)
	}
	d.shared.once.Do(func() { d.shared.messages = d.encodeMessages(c) })
	return d.shared.messages
}

func (d *Delivery) encodeMessages(c parser.Codec) []*engineio.Message {
	e := d.encoded()
	if len(d.ExtraArgs) > 0 {
		e = c.WithExtraArgs(e, d.ExtraArgs)
	}
	return e.Messages()
}

// Receipt reports whether emissions were stored, for adapters that store events before they deliver them, as package
// cluster does with recovery. Emit returns when such an adapter has taken the event; whether it gets stored is known only
// later. Pass a Receipt to [Broadcast.Receipt] or [Emission.Receipt] to learn it. One Receipt may collect any number of
// emissions. The zero value is ready for use. Safe for concurrent use; must not be copied. Methods of a nil Receipt do
// nothing and report success.
type Receipt struct {
	mu       sync.Mutex
	expected int           // guarded by mu
	open     int           // events without an outcome; guarded by mu
	err      error         // of the first event that was not stored; guarded by mu
	waiting  []func(error) // guarded by mu
}

// Expect is for adapters: it announces one event whose outcome Resolve will report.
func (r *Receipt) Expect() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected++
	r.open++
}

// Resolve is for adapters: it reports the outcome of one expected event. A nil error means that the event is stored, any
// other that it never will be.
func (r *Receipt) Resolve(err error) {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.open--
	if r.err == nil {
		r.err = err
	}
	if r.open > 0 && r.err == nil {
		r.mu.Unlock()
		return
	}
	waiting, err := r.waiting, r.err
	r.waiting = nil
	r.mu.Unlock()
	for _, f := range waiting {
		f(err)
	}
}

// Expected returns how many of the collected events are stored or were meant to be. It is 0 if the adapter stores nothing,
// and volatile and local events do not count.
func (r *Receipt) Expected() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expected
}

// Notify calls f once: with nil when all events that were collected are stored, or with the first error. It calls f at
// once if that is known already, otherwise in another goroutine. f must not block.
func (r *Receipt) Notify(f func(error)) {
	if r == nil {
		f(nil)
		return
	}
	r.mu.Lock()
	if r.open > 0 && r.err == nil {
		r.waiting = append(r.waiting, f)
		r.mu.Unlock()
		return
	}
	err := r.err
	r.mu.Unlock()
	f(err)
}

// Wait returns nil when all events that were collected are stored, the first error if one of them never will be, or the
// context's error. It must not be called from a handler, which would hold up the socket's other events.
func (r *Receipt) Wait(ctx context.Context) error {
	outcome := make(chan error, 1)
	r.Notify(func(err error) { outcome <- err })
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
