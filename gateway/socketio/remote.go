// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"encoding/json"
	"fmt"
)

// RemoteSocket describes a socket, on whatever server it is, as it was when it was fetched. Its methods reach the
// socket there.
type RemoteSocket struct {
	ID        string    `json:"id"`
	Handshake Handshake `json:"handshake"`
	// Rooms are those that the socket is in, its own id among them, in no order.
	Rooms []string `json:"rooms"`
	// Data is what SetData has stored with the socket, as JSON; see DecodeData.
	Data json.RawMessage `json:"data"`

	namespace *Namespace
}

// DecodeData reads the socket's data into v, as json.Unmarshal does.
func (r *RemoteSocket) DecodeData(v any) error {
	if err := json.Unmarshal(r.Data, v); err != nil {
		return fmt.Errorf("decode the data of socket %s: %w", r.ID, err)
	}
	return nil
}

// Emit sends an event to the client. See NewArgs for values.
func (r *RemoteSocket) Emit(event string, values ...any) error {
	return r.only().Emit(event, values...)
}

// EmitWithAck sends an event and waits for the client's answer, until the context ends or the client goes (ErrDisconnected).
func (r *RemoteSocket) EmitWithAck(ctx context.Context, event string, values ...any) (Args, error) {
	answers, err := r.only().EmitWithAck(ctx, event, values...)
	switch {
	case err != nil:
		return Args{}, err
	case len(answers) == 0:
		return Args{}, fmt.Errorf("emit %s: %w", event, ErrDisconnected)
	}
	return answers[0], nil
}

// Join puts the socket into rooms.
func (r *RemoteSocket) Join(ctx context.Context, rooms ...string) error {
	return r.only().SocketsJoin(ctx, rooms...)
}

// Leave takes the socket out of rooms.
func (r *RemoteSocket) Leave(ctx context.Context, rooms ...string) error {
	return r.only().SocketsLeave(ctx, rooms...)
}

// Disconnect ends the socket; see Socket.Disconnect.
func (r *RemoteSocket) Disconnect(ctx context.Context, closeConnection bool) error {
	return r.only().DisconnectSockets(ctx, closeConnection)
}

func (r *RemoteSocket) only() *Broadcast { return r.namespace.To(r.ID) }

// describe is the socket as others may see it.
func (s *Socket) describe() RemoteSocket {
	data, err := json.Marshal(s.Data())
	if err != nil {
		// A value that has no JSON, such as a channel, is of use on its own server only.
		data = []byte("null")
	}
	return RemoteSocket{ID: s.id, Handshake: *s.Handshake(), Rooms: s.Rooms(), Data: data, namespace: s.namespace}
}
