// SPDX-License-Identifier: Apache-2.0

// Package remote has what a server sees of the other servers: their sockets, and their events for
// servers.
package remote

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// Reach acts on sockets of any server, as socketio.Broadcast does.
type Reach interface {
	Emit(name string, values ...any) error
	EmitWithAck(ctx context.Context, name string, values ...any) ([]event.Args, error)
	SocketsJoin(ctx context.Context, rooms ...string) error
	SocketsLeave(ctx context.Context, rooms ...string) error
	DisconnectSockets(ctx context.Context, closeConnection bool) error
}

// Socket describes a socket on any server, as it was when it was fetched. Its methods act on the
// socket there.
type Socket struct {
	ID        string           `json:"id"`
	Handshake client.Handshake `json:"handshake"`
	// Rooms are the rooms of the socket, its own id among them, in no order.
	Rooms []string `json:"rooms"`
	// Data is what SetData has stored with the socket, as JSON; see DecodeData.
	Data json.RawMessage `json:"data"`

	reach func(id string) Reach
}

// DecodeData decodes the socket's data into v, like json.Unmarshal.
func (r *Socket) DecodeData(v any) error {
	if err := json.Unmarshal(r.Data, v); err != nil {
		return fmt.Errorf("decode the data of socket %s: %w", r.ID, err)
	}
	return nil
}

// Emit sends an event to the client. See event.NewArgs for values.
func (r *Socket) Emit(name string, values ...any) error {
	return r.only().Emit(name, values...)
}

// EmitWithAck sends an event and waits for the client's answer, until the context ends or the
// client disconnects (ErrDisconnected).
func (r *Socket) EmitWithAck(ctx context.Context, name string, values ...any) (event.Args, error) {
	answers, err := r.only().EmitWithAck(ctx, name, values...)
	switch {
	case err != nil:
		return event.Args{}, err
	case len(answers) == 0:
		return event.Args{}, fmt.Errorf("emit %s: %w", name, event.ErrDisconnected)
	}
	return answers[0], nil
}

// Join puts the socket into rooms, unless a JoinRule of its server forbids one of them.
func (r *Socket) Join(ctx context.Context, rooms ...string) error {
	return r.only().SocketsJoin(ctx, rooms...)
}

// Leave removes the socket from rooms.
func (r *Socket) Leave(ctx context.Context, rooms ...string) error {
	return r.only().SocketsLeave(ctx, rooms...)
}

// Disconnect ends the socket; see Socket.Disconnect.
func (r *Socket) Disconnect(ctx context.Context, closeConnection bool) error {
	return r.only().DisconnectSockets(ctx, closeConnection)
}

func (r *Socket) only() Reach { return r.reach(r.ID) }

// ReachBy sets the function that addresses the socket by its id. It is for package socketio.
func (r *Socket) ReachBy(reach func(id string) Reach) { r.reach = reach }
