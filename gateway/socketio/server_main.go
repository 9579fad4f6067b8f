// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

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
