// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

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
