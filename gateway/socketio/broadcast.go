// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

// Broadcast aims at many sockets of a namespace: To and Except narrow it, Emit and the like act on who is meant. Each step
// returns a new value, so that a half-made one can be kept. Safe for concurrent use.
type Broadcast struct {
	namespace *Namespace
	target    Target
	flags     event.Flags
}

// To adds rooms whose members are meant. A member of several gets the event once. To() without any
// room on a whole namespace aims at nobody, not at everybody.
func (b *Broadcast) To(rooms ...string) *Broadcast {
	next := *b
	next.target = b.target.With(rooms)
	return &next
}

// In is To, for those who find that `io.In("room").SocketsJoin(…)` reads better.
func (b *Broadcast) In(rooms ...string) *Broadcast { return b.To(rooms...) }

// Except adds rooms whose members are left out. A socket's id is a room of its own.
func (b *Broadcast) Except(rooms ...string) *Broadcast {
	next := *b
	next.target = b.target.Without(rooms)
	return &next
}

// Local aims at the sockets of this server alone.
func (b *Broadcast) Local() *Broadcast {
	next := *b
	next.target.Local = true
	return &next
}

// Volatile makes an event that is dropped for clients that cannot take it at once; see Socket.Volatile.
func (b *Broadcast) Volatile() *Broadcast {
	next := *b
	next.flags.Volatile = true
	return &next
}

// Compress allows or forbids the transport to compress the event, where the engine is configured to compress at all. What is
// compressed already, as pictures are, costs time and gains nothing.
func (b *Broadcast) Compress(allowed bool) *Broadcast {
	next := *b
	next.flags.Uncompressed = !allowed
	return &next
}

// Receipt has r report whether the events that are emitted get stored. It concerns adapters that store events first: there,
// Emit without an error says only that the event waits to be stored. Elsewhere r expects nothing.
func (b *Broadcast) Receipt(r *Receipt) *Broadcast {
	next := *b
	next.flags.Receipt = r
	return &next
}

// WithContext has the event carry the trace of a context, if it has one, to all servers. Emit does not wait,
// so that the context's end does not matter.
func (b *Broadcast) WithContext(ctx context.Context) *Broadcast {
	return b.Trace(trace.FromContext(ctx))
}

// Trace has the event carry a trace to all servers; nil: none.
func (b *Broadcast) Trace(p *trace.Parent) *Broadcast {
	if p == b.flags.Trace {
		return b
	}
	next := *b
	next.flags.Trace = p
	return &next
}

// Emit sends an event, and does not wait for clients. See NewArgs for values. An error says that the event went nowhere: its name is
// Socket.IO's own (ErrReservedEvent), a value cannot be encoded, or the adapter cannot send. That nobody is meant is none.
//
// With an adapter that stores events first, such as package cluster with recovery, no error means that the event waits to be
// stored, and the adapter retries until it is. It can still be rejected later, for example if the stream takes no message of
// its size, and it is lost with a server that ends before it is stored. Receipt reports that.
func (b *Broadcast) Emit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgs(event, args)
}

// EmitArgs is Emit with arguments that are encoded already.
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

// EmitWithAck sends an event and waits until every client that is meant has answered, or the context ends. The answers
// that came in are returned in either case; the error is nil if that is all of them. A client that
// disconnects is no longer waited for, and makes the error ErrDisconnected. Where nobody is meant there is no answer
// and no error.
func (b *Broadcast) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return nil, fmt.Errorf("emit %s: %w", event, err)
	}
	return b.EmitArgsWithAck(ctx, event, args)
}

// EmitArgsWithAck is EmitWithAck with arguments that are encoded already.
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

// FetchSockets describes the sockets that are meant, on all servers.
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

// CountSockets returns the number of sockets that are meant, on all servers, without fetching them.
// If a server does not answer, the others' sockets are counted, and there is an error too.
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

// SocketsJoin puts the sockets that are meant into rooms, but for those to which a JoinRule does not allow one of them. It
// returns when events to these rooms reach all others.
func (b *Broadcast) SocketsJoin(ctx context.Context, rooms ...string) error {
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.SocketsJoin(ctx, b.target, rooms...); err != nil {
		return fmt.Errorf("let sockets join: %w", err)
	}
	return nil
}

// SocketsLeave takes the sockets that are meant out of rooms.
func (b *Broadcast) SocketsLeave(ctx context.Context, rooms ...string) error {
	if b.target.Nobody() {
		return nil
	}
	if err := b.namespace.adapter.SocketsLeave(ctx, b.target, rooms...); err != nil {
		return fmt.Errorf("let sockets leave: %w", err)
	}
	return nil
}

// DisconnectSockets disconnects the sockets that are meant; see Socket.Disconnect.
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

// Aim is To, Except and Local in one step. Rooms that are nil mean the whole namespace, and empty ones nobody.
func (n *Namespace) Aim(t Target) *Broadcast {
	return &Broadcast{namespace: n, target: t.Once()}
}

// Emit sends an event to every socket of the namespace. See NewArgs for values.
func (n *Namespace) Emit(event string, values ...any) error {
	return n.everyone().Emit(event, values...)
}

// EmitArgs is Emit with arguments that are encoded already.
func (n *Namespace) EmitArgs(event string, args Args) error {
	return n.everyone().EmitArgs(event, args)
}

// EmitWithAck sends an event to every socket and collects the answers; see Broadcast.EmitWithAck.
func (n *Namespace) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return n.everyone().EmitWithAck(ctx, event, values...)
}

// To aims at the members of rooms.
func (n *Namespace) To(rooms ...string) *Broadcast { return n.everyone().To(rooms...) }

// In is To.
func (n *Namespace) In(rooms ...string) *Broadcast { return n.everyone().To(rooms...) }

// Except aims at everybody but the members of rooms.
func (n *Namespace) Except(rooms ...string) *Broadcast { return n.everyone().Except(rooms...) }

// Local aims at the sockets of this server.
func (n *Namespace) Local() *Broadcast { return n.everyone().Local() }

// Volatile makes an event that may be lost; see Broadcast.Volatile.
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

// SocketsLeave takes all sockets out of rooms.
func (n *Namespace) SocketsLeave(ctx context.Context, rooms ...string) error {
	return n.everyone().SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets; see Socket.Disconnect.
func (n *Namespace) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return n.everyone().DisconnectSockets(ctx, closeConnection)
}

func (n *Namespace) everyone() *Broadcast { return &Broadcast{namespace: n} }

// What follows is short for the same on the main namespace, Of("/").

// OnConnection adds a handler for each socket that connects to the main namespace.
func (s *Server) OnConnection(f func(*Socket)) { s.Of("/").OnConnection(f) }

// Use adds a middleware to the main namespace.
func (s *Server) Use(f func(*Socket) error) { s.Of("/").Use(f) }

// Emit sends an event to every socket of the main namespace. See NewArgs for values.
func (s *Server) Emit(event string, values ...any) error { return s.Of("/").Emit(event, values...) }

// EmitWithAck sends an event to every socket of the main namespace and collects the answers; see Broadcast.EmitWithAck.
func (s *Server) EmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return s.Of("/").EmitWithAck(ctx, event, values...)
}

// To aims at the members of rooms of the main namespace.
func (s *Server) To(rooms ...string) *Broadcast { return s.Of("/").To(rooms...) }

// In is To.
func (s *Server) In(rooms ...string) *Broadcast { return s.Of("/").To(rooms...) }

// Except aims at everybody in the main namespace but the members of rooms.
func (s *Server) Except(rooms ...string) *Broadcast { return s.Of("/").Except(rooms...) }

// Local aims at the sockets of the main namespace on this server.
func (s *Server) Local() *Broadcast { return s.Of("/").Local() }

// Volatile makes an event that may be lost; see Broadcast.Volatile.
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

// SocketsLeave takes all sockets of the main namespace out of rooms.
func (s *Server) SocketsLeave(ctx context.Context, rooms ...string) error {
	return s.Of("/").SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets of the main namespace; see Socket.Disconnect.
func (s *Server) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return s.Of("/").DisconnectSockets(ctx, closeConnection)
}

// OnServerSide adds a handler for an event of the other servers' to the main namespace.
func (s *Server) OnServerSide(event string, f func(*ServerSideEvent)) (off func()) {
	return s.Of("/").OnServerSide(event, f)
}

// ServerSideEmit sends an event to the other servers of the cluster; see Namespace.ServerSideEmit.
func (s *Server) ServerSideEmit(event string, values ...any) error {
	return s.Of("/").ServerSideEmit(event, values...)
}

// ServerSideEmitWithAck is ServerSideEmit with an answer of each other server; see Namespace.ServerSideEmitWithAck.
func (s *Server) ServerSideEmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	return s.Of("/").ServerSideEmitWithAck(ctx, event, values...)
}
