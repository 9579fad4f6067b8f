// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

// Adapter keeps the rooms of one namespace and carries operations on many sockets to them, on all
// servers. NewRooms returns the adapter for a single server; package cluster has the one that
// reaches other gateways. Its methods may be called from any goroutine. Those that take a context
// return when all servers have done their part, or when the context ends.
type Adapter interface {
	// Join puts a socket into rooms. It returns when broadcasts to them reach the socket from all
	// servers.
	Join(s *Socket, rooms ...string)
	// Leave removes a socket from a room.
	Leave(s *Socket, room string)
	// LeaveAll removes a socket from all its rooms and from the namespace.
	LeaveAll(s *Socket)
	// RoomsOf lists the rooms of a socket.
	RoomsOf(s *Socket) []string
	// RoomSizes returns the number of members of each room on this server, without the rooms of
	// socket ids and users.
	RoomSizes() map[string]int
	// RoomSize returns the number of a room's members on this server.
	RoomSize(room string) int
	// Contains reports whether a socket is in a room.
	Contains(s *Socket, room string) bool
	// CountRooms returns the approximate number of rooms of a socket: 2.x clients have one that is
	// not listed.
	CountRooms(s *Socket) int

	// Broadcast delivers to all targets, on this server and others. It does not block. An adapter
	// that stores events first reports to the delivery's Receipt, and returns an error if it is
	// already certain that the event will never be stored.
	Broadcast(d *Delivery) error
	// BroadcastWithAck delivers like Broadcast, and collects the acknowledgements. Unless all
	// targets have answered, it returns an error besides the answers.
	BroadcastWithAck(ctx context.Context, d *Delivery) ([]Args, error)

	// FetchSockets describes the targets.
	FetchSockets(ctx context.Context, t Target) ([]RemoteSocket, error)
	// CountSockets returns how many sockets FetchSockets would describe.
	CountSockets(ctx context.Context, t Target) (int, error)
	// SocketsJoin puts all targets into rooms.
	SocketsJoin(ctx context.Context, t Target, rooms ...string) error
	// SocketsLeave removes all targets from rooms.
	SocketsLeave(ctx context.Context, t Target, rooms ...string) error
	// DisconnectSockets disconnects all targets.
	DisconnectSockets(ctx context.Context, t Target, closeConnection bool) error

	// ServerSideEmit sends an event to the namespace on the other servers; they receive it by
	// Namespace.HandleServerSide.
	ServerSideEmit(event string, args Args) error
	// ServerSideEmitWithAck is ServerSideEmit with an answer from each server.
	ServerSideEmitWithAck(ctx context.Context, event string, args Args) ([]Args, error)

	// Close releases the resources of the adapter. No method is called after it.
	Close() error
}
