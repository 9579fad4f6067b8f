// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Broadcast addresses many sockets of a namespace: To and Except select them, Emit and the other
// methods act on them. Each step returns a new value, so intermediate values can be kept. Safe for
// concurrent use.
type Broadcast struct {
	namespace *Namespace
	target    Target
	flags     event.Flags
}

// To adds rooms whose members are addressed. A member of several rooms gets the event once. To()
// without any room addresses nobody, not the whole namespace.
func (b *Broadcast) To(rooms ...string) *Broadcast {
	next := *b
	next.target = b.target.With(rooms)
	return &next
}

// In is To, for code such as `io.In("room").SocketsJoin(…)`.
func (b *Broadcast) In(rooms ...string) *Broadcast { return b.To(rooms...) }

// Except adds rooms whose members are excluded. A socket's id is a room of its own.
func (b *Broadcast) Except(rooms ...string) *Broadcast {
	next := *b
	next.target = b.target.Without(rooms)
	return &next
}

// Local addresses only the sockets of this server.
func (b *Broadcast) Local() *Broadcast {
	next := *b
	next.target.Local = true
	return &next
}

// Volatile drops the event for clients that cannot take it at once; see Socket.Volatile.
func (b *Broadcast) Volatile() *Broadcast {
	next := *b
	next.flags.Volatile = true
	return &next
}

// Compress allows or forbids the transport to compress the event, if the engine compresses at all.
// Forbid it for data that is compressed already, such as images.
func (b *Broadcast) Compress(allowed bool) *Broadcast {
	next := *b
	next.flags.Uncompressed = !allowed
	return &next
}

// Receipt lets r report whether the emitted events were stored. It is for adapters that store
// events first: with them, Emit without an error only means that the event waits to be stored. With
// other adapters r expects nothing.
func (b *Broadcast) Receipt(r *Receipt) *Broadcast {
	next := *b
	next.flags.Receipt = r
	return &next
}

// WithContext adds the trace of a context, if it has one, to the event, for all servers. Emit does
// not wait, so the end of the context has no effect.
func (b *Broadcast) WithContext(ctx context.Context) *Broadcast {
	return b.Trace(trace.FromContext(ctx))
}

// Trace adds a trace to the event, for all servers; nil removes it.
func (b *Broadcast) Trace(p *trace.Parent) *Broadcast {
	if p == b.flags.Trace {
		return b
	}
	next := *b
	next.flags.Trace = p
	return &next
}

// Emit sends an event, and does not wait for clients. See NewArgs for values. An error means that
// the event was sent to nobody: its name is reserved (ErrReservedEvent), a value cannot be encoded,
// or the adapter cannot send. It is no error if no socket is addressed.
//
// With an adapter that stores events first, such as package cluster with recovery, no error means
// that the event waits to be stored, and the adapter retries until it is. It can still be rejected
// later, for example if the stream accepts no message of its size, and it is lost if the server
// ends before it is stored. A Receipt reports that.
func (b *Broadcast) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgs(event, args)
}

// EmitArgs is Emit with encoded arguments.
func (b *Broadcast) EmitArgs(event string, args Args) error {
	p := eventPacket(event, args)
	if err := b.namespace.server.checkEmission(p); err != nil {
		return err
	}
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.Broadcast(b.delivery(p)); err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return nil
}

// EmitWithAck sends an event and waits until every addressed client has answered, or the context
// ends. It returns the answers that arrived in either case; the error is nil if all clients have
// answered. A client that disconnects is no longer waited for, and causes ErrDisconnected. If
// nobody is addressed there are no answers and no error.
func (b *Broadcast) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return nil, fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgsWithAck(ctx, event, args)
}

// EmitArgsWithAck is EmitWithAck with encoded arguments.
func (b *Broadcast) EmitArgsWithAck(ctx context.Context, event string, args Args) ([]Args, error) {
	p := eventPacket(event, args)
	if err := b.namespace.server.checkEmission(p); err != nil {
		return nil, err
	}
	if b.target.Nobody() {
		return nil, nil
	}
	answers, err := b.namespace.adapter.BroadcastWithAck(ctx, b.delivery(p))
	if err != nil {
		return answers, fmt.Errorf("wait for the acknowledgements of %s: %w", event, err)
	}
	return answers, nil
}

// FetchSockets describes the addressed sockets, on all servers.
func (b *Broadcast) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	if b.target.Nobody() {
		return nil, nil
	}
	sockets, err := b.namespace.adapter.FetchSockets(ctx, b.target)
	for i := range sockets {
		sockets[i].ReachBy(b.namespace.reach)
	}
	if err != nil {
		return sockets, fmt.Errorf("fetch sockets: %w", err)
	}
	return sockets, nil
}

// CountSockets returns the number of addressed sockets, on all servers, without fetching them. If a
// server does not answer, it returns the number of the other servers' sockets, and an error.
func (b *Broadcast) CountSockets(ctx context.Context) (int, error) {
	if b.target.Nobody() {
		return 0, nil
	}
	n, err := b.namespace.adapter.CountSockets(ctx, b.target)
	if err != nil {
		return n, fmt.Errorf("count sockets: %w", err)
	}
	return n, nil
}

// SocketsJoin puts the addressed sockets into rooms, except those to which a JoinRule forbids one
// of them. It returns when events to these rooms reach all others.
func (b *Broadcast) SocketsJoin(ctx context.Context, rooms ...string) error {
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.SocketsJoin(ctx, b.target, rooms...); err != nil {
		return fmt.Errorf("let sockets join: %w", err)
	}
	return nil
}

// SocketsLeave removes the addressed sockets from rooms.
func (b *Broadcast) SocketsLeave(ctx context.Context, rooms ...string) error {
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.SocketsLeave(ctx, b.target, rooms...); err != nil {
		return fmt.Errorf("let sockets leave: %w", err)
	}
	return nil
}

// DisconnectSockets disconnects the addressed sockets; see Socket.Disconnect.
func (b *Broadcast) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.DisconnectSockets(ctx, b.target, closeConnection); err != nil {
		return fmt.Errorf("disconnect sockets: %w", err)
	}
	return nil
}

func (b *Broadcast) delivery(p *parser.Packet) *Delivery {
	p.Namespace = b.namespace.name
	return event.NewDelivery(b.namespace.server.codec.Encode(p), b.target, b.flags)
}

// Aim is To, Except and Local in one step. Nil rooms address the whole namespace, an empty list
// nobody.
func (n *Namespace) Aim(t Target) *Broadcast {
	return &Broadcast{namespace: n, target: t.Once()}
}

// Emit sends an event to every socket of the namespace. See NewArgs for values.
func (n *Namespace) Emit(event string, values ...any) error {
	return n.everyone().Emit(event, values...)
}

// EmitArgs is Emit with encoded arguments.
func (n *Namespace) EmitArgs(event string, args Args) error {
	return n.everyone().EmitArgs(event, args)
}

// EmitWithAck sends an event to every socket and collects the answers; see Broadcast.EmitWithAck.
func (n *Namespace) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return n.everyone().EmitWithAck(ctx, event, values...)
}

// To addresses the members of rooms.
func (n *Namespace) To(rooms ...string) *Broadcast { return n.everyone().To(rooms...) }

// In is To.
func (n *Namespace) In(rooms ...string) *Broadcast { return n.everyone().To(rooms...) }

// Except addresses everybody but the members of rooms.
func (n *Namespace) Except(rooms ...string) *Broadcast { return n.everyone().Except(rooms...) }

// Local addresses the sockets of this server.
func (n *Namespace) Local() *Broadcast { return n.everyone().Local() }

// Volatile drops the event for clients that cannot take it at once; see Broadcast.Volatile.
func (n *Namespace) Volatile() *Broadcast { return n.everyone().Volatile() }

// Compress allows or forbids compression; see Broadcast.Compress.
func (n *Namespace) Compress(allowed bool) *Broadcast { return n.everyone().Compress(allowed) }

// FetchSockets describes all sockets of the namespace, on all servers.
func (n *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return n.everyone().FetchSockets(ctx)
}

// CountSockets returns the number of sockets in the namespace, on all servers; see
// Broadcast.CountSockets.
func (n *Namespace) CountSockets(ctx context.Context) (int, error) {
	return n.everyone().CountSockets(ctx)
}

// SocketsJoin puts all sockets into rooms; see Broadcast.SocketsJoin.
func (n *Namespace) SocketsJoin(ctx context.Context, rooms ...string) error {
	return n.everyone().SocketsJoin(ctx, rooms...)
}

// SocketsLeave removes all sockets from rooms.
func (n *Namespace) SocketsLeave(ctx context.Context, rooms ...string) error {
	return n.everyone().SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets; see Socket.Disconnect.
func (n *Namespace) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return n.everyone().DisconnectSockets(ctx, closeConnection)
}

func (n *Namespace) everyone() *Broadcast { return &Broadcast{namespace: n} }

// What follows are shorthands for methods of the main namespace, Of("/").

// OnConnection adds a handler for each socket that connects to the main namespace.
func (s *Server) OnConnection(f func(*Socket)) { s.Of("/").OnConnection(f) }

// Use adds a middleware to the main namespace.
func (s *Server) Use(f func(*Socket) error) { s.Of("/").Use(f) }

// Emit sends an event to every socket of the main namespace. See NewArgs for values.
func (s *Server) Emit(event string, values ...any) error { return s.Of("/").Emit(event, values...) }

// EmitWithAck sends an event to every socket of the main namespace and collects the answers; see
// Broadcast.EmitWithAck.
func (s *Server) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return s.Of("/").EmitWithAck(ctx, event, values...)
}

// To addresses the members of rooms of the main namespace.
func (s *Server) To(rooms ...string) *Broadcast { return s.Of("/").To(rooms...) }

// In is To.
func (s *Server) In(rooms ...string) *Broadcast { return s.Of("/").To(rooms...) }

// Except addresses all sockets of the main namespace except the members of rooms.
func (s *Server) Except(rooms ...string) *Broadcast { return s.Of("/").Except(rooms...) }

// Local addresses the sockets of the main namespace on this server.
func (s *Server) Local() *Broadcast { return s.Of("/").Local() }

// Volatile drops the event for clients that cannot take it at once; see Broadcast.Volatile.
func (s *Server) Volatile() *Broadcast { return s.Of("/").Volatile() }

// Compress allows or forbids compression; see Broadcast.Compress.
func (s *Server) Compress(allowed bool) *Broadcast { return s.Of("/").Compress(allowed) }

// FetchSockets describes all sockets of the main namespace, on all servers.
func (s *Server) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return s.Of("/").FetchSockets(ctx)
}

// CountSockets returns the number of sockets in the main namespace, on all servers; see
// Broadcast.CountSockets.
func (s *Server) CountSockets(ctx context.Context) (int, error) {
	return s.Of("/").CountSockets(ctx)
}

// SocketsJoin puts all sockets of the main namespace into rooms.
func (s *Server) SocketsJoin(ctx context.Context, rooms ...string) error {
	return s.Of("/").SocketsJoin(ctx, rooms...)
}

// SocketsLeave removes all sockets of the main namespace from rooms.
func (s *Server) SocketsLeave(ctx context.Context, rooms ...string) error {
	return s.Of("/").SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets of the main namespace; see Socket.Disconnect.
func (s *Server) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return s.Of("/").DisconnectSockets(ctx, closeConnection)
}

// OnServerSide adds a handler for an event from other servers to the main namespace.
func (s *Server) OnServerSide(event string, f func(*ServerSideEvent)) (off func()) {
	return s.Of("/").OnServerSide(event, f)
}

// ServerSideEmit sends an event to the other servers of the cluster; see Namespace.ServerSideEmit.
func (s *Server) ServerSideEmit(event string, values ...any) error {
	return s.Of("/").ServerSideEmit(event, values...)
}

// ServerSideEmitWithAck is ServerSideEmit with an answer from each other server; see
// Namespace.ServerSideEmitWithAck.
func (s *Server) ServerSideEmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return s.Of("/").ServerSideEmitWithAck(ctx, event, values...)
}
