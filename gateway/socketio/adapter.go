// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

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
