// SPDX-License-Identifier: Apache-2.0

package socketio

import "context"

// selected lists the connected sockets that are meant. What is done with them then is done without the lock.
func (r *Rooms) selected(t *Target) []*Socket {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var sockets []*Socket
	r.each(t, func(s *Socket) {
		if s.arrived() {
			sockets = append(sockets, s)
		}
	})
	return sockets
}

// Selected lists the sockets that are meant, including those on their way in.
func (r *Rooms) Selected(t Target) []*Socket {
	var sockets []*Socket
	r.visit(&t, func(s *Socket) { sockets = append(sockets, s) })
	return sockets
}

// FetchSockets describes the sockets that are meant.
func (r *Rooms) FetchSockets(_ context.Context, t Target) ([]RemoteSocket, error) {
	selected := r.selected(&t)
	sockets := make([]RemoteSocket, len(selected))
	for i, s := range selected {
		sockets[i] = s.describe()
	}
	return sockets, nil
}

// SocketsJoin puts all who are meant into rooms.
func (r *Rooms) SocketsJoin(_ context.Context, t Target, rooms ...string) error {
	for _, s := range r.selected(&t) {
		s.Join(rooms...)
	}
	return nil
}

// SocketsLeave takes all who are meant out of rooms.
func (r *Rooms) SocketsLeave(_ context.Context, t Target, rooms ...string) error {
	for _, s := range r.selected(&t) {
		for _, room := range rooms {
			s.Leave(room)
		}
	}
	return nil
}

// DisconnectSockets disconnects all who are meant.
func (r *Rooms) DisconnectSockets(_ context.Context, t Target, closeConnection bool) error {
	for _, s := range r.selected(&t) {
		s.Disconnect(closeConnection)
	}
	return nil
}

// ServerSideEmit has no other server to reach.
func (r *Rooms) ServerSideEmit(string, Args) error { return nil }

// ServerSideEmitWithAck has no other server to ask.
func (r *Rooms) ServerSideEmitWithAck(context.Context, string, Args) ([]Args, error) { return nil, nil }
