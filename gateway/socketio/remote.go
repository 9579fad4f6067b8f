// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// RemoteSocket describes a socket on any server, as it was when it was fetched. Its methods act on
// the socket there.
type RemoteSocket struct {
	ID        string    `json:"id"`
	Handshake Handshake `json:"handshake"`
	// Rooms are those of the socket, its own id among them, in no order.
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

// Join puts the socket into rooms, unless a JoinRule of its server does not allow one of them.
func (r *RemoteSocket) Join(ctx context.Context, rooms ...string) error {
	return r.only().SocketsJoin(ctx, rooms...)
}

// Leave removes the socket from rooms.
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

// ServerSideEvent is an event that another server has sent by ServerSideEmit.
type ServerSideEvent struct {
	// Name of the event.
	Name string
	// Args are the arguments. They may be kept, and must not be changed.
	Args Args

	answer func(Args)
	// open is true while the other server waits for an answer.
	open atomic.Bool
}

// NeedsAck reports whether the other server waits for an answer that nobody has given.
func (e *ServerSideEvent) NeedsAck() bool { return e.open.Load() }

// Ack answers the other server. The first answer counts; after it, or when none is asked for, Ack returns ErrNoAck.
func (e *ServerSideEvent) Ack(values ...any) error {
	args, err := NewArgs(values...)
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", e.Name, err)
	}
	if !e.open.CompareAndSwap(true, false) {
		return ErrNoAck
	}
	e.answer(args)
	return nil
}

// OnServerSide adds a handler for an event of the other servers'. Handlers of different events run in parallel.
func (n *Namespace) OnServerSide(event string, f func(*ServerSideEvent)) (off func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.onServerSide.Add(event, f)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.onServerSide.Remove(event, h)
	}
}

// ServerSideEmit sends an event to the namespace on the other servers; clients and this server do
// not receive it. See NewArgs for values.
func (n *Namespace) ServerSideEmit(event string, values ...any) error {
	args, err := NewArgs(values...)
	if err == nil {
		err = n.adapter.ServerSideEmit(event, args)
	}
	if err != nil {
		return fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return nil
}

// ServerSideEmitWithAck is ServerSideEmit that waits for an answer of each other server, until the context ends. The answers
// that came in are returned in either case; the error is nil if that is all of them.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, values ...any) ([]Args, error) {
	args, err := NewArgs(values...)
	if err != nil {
		return nil, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	answers, err := n.adapter.ServerSideEmitWithAck(ctx, event, args)
	if err != nil {
		return answers, fmt.Errorf("emit %s to servers: %w", event, err)
	}
	return answers, nil
}

// HandleServerSide is for adapters: it hands the namespace an event of another server. answer is
// nil if none was asked for. It runs the handlers, and reports whether there was one.
func (n *Namespace) HandleServerSide(event string, args Args, answer func(Args)) bool {
	n.mu.RLock()
	list := n.onServerSide[event]
	n.mu.RUnlock()
	e := &ServerSideEvent{Name: event, Args: args, answer: answer}
	e.open.Store(answer != nil)
	for _, f := range list {
		(*f)(e)
	}
	return len(list) > 0
}
