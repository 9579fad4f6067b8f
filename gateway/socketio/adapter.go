// SPDX-License-Identifier: Apache-2.0

package socketio

// Adapter keeps the rooms of one namespace and delivers broadcasts. NewRooms is the one for a single server; package
// cluster has the one that reaches other gateways. Its methods are called from any goroutine.
type Adapter interface {
	// Join puts a socket into rooms. It returns when broadcasts to them reach the socket from everywhere.
	Join(s *Socket, rooms ...string)
	// Leave takes a socket out of a room.
	Leave(s *Socket, room string)
	// LeaveAll takes a socket out of all its rooms and out of the namespace.
	LeaveAll(s *Socket)
	// RoomsOf lists the rooms that a socket is in.
	RoomsOf(s *Socket) []string
	// Broadcast delivers to all who are meant, here and elsewhere. It does not block.
	Broadcast(d *Delivery) error
	// Close releases what the adapter holds. Nothing is called after it.
	Close() error
}

// Delivery is an event on its way to many: encoded once, with who is meant.
type Delivery struct {
	// Text and Attachments are the packet as it goes to each client.
	Text        []byte
	Attachments [][]byte
	// Rooms are those whose members are meant; nil means the whole namespace, and empty nobody.
	Rooms []string
	// Except are rooms whose members are left out.
	Except []string
}
