// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/collect"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/rooms"
)

// Rooms is the in-memory Adapter. [rooms.Members], whose methods it has, keeps the rooms of this
// server. Safe for concurrent use.
type Rooms struct {
	*rooms.Members[*Socket]
}

// NewRooms returns an Adapter for a single server. It is not a SessionKeeper: with
// Options.Recovery, leave Options.NewAdapter nil.
func NewRooms() *Rooms { return &Rooms{rooms.New((*Socket).isOwn, (*Socket).isAlias)} }

// Broadcast queues the packet once for each target.
func (r *Rooms) Broadcast(d *Delivery) error {
	notifyOutgoing(r.spread(d, nil), d.Encoded())
	return nil
}

// spread queues the packet for each target, calls also (unless nil) for it, and returns the targets
// with OnAnyOutgoing handlers.
func (r *Rooms) spread(d *Delivery, also func(*Socket)) (watched []*Socket) {
	var messages []*engineio.Message // made for the first target
	r.Each(&d.Target, func(s *Socket) {
		if also != nil {
			also(s)
		}
		if messages == nil {
			messages = d.Messages(s.namespace.server.codec)
		}
		if s.handlers.HasOutgoing() {
			watched = append(watched, s)
		}
		if g := s.gate.Load(); g != nil && !d.Volatile && g.Hold(d.Position, messages, s.conn.Session()) {
			return
		}
		s.deliverSoon(messages, d.Volatile)
	})
	return watched
}

// notifyOutgoing calls the OnAnyOutgoing handlers of sockets for a packet. No lock is held, since
// they belong to the application.
func notifyOutgoing(sockets []*Socket, e parser.Encoded) {
	if len(sockets) == 0 {
		return
	}
	p, err := sockets[0].namespace.server.codec.Decode(e)
	if err != nil {
		return // from a gateway with another parser; the clients will not understand it either
	}
	for _, s := range sockets {
		s.notifyOutgoing(p.Event, Args{JSON: p.Payload, Attachments: p.Attachments})
	}
}

// Close releases nothing. It tells the watcher.
func (r *Rooms) Close() error {
	if w := r.Watcher(); w != nil {
		w.Closed()
	}
	return nil
}

var _ Adapter = (*Rooms)(nil)

// deliverSoon sends the messages of one packet to one of its receivers. A disconnected socket
// receives nothing. If the client is too slow its session closes it, so that others are not
// affected.
func (s *Socket) deliverSoon(messages []*engineio.Message, volatile bool) {
	if s.takes(volatile) {
		_ = s.conn.Session().SendSoon(messages...)
	}
}

// RoomWatcher is told of the members of a namespace's rooms on this server; see [rooms.Watcher].
type RoomWatcher = rooms.Watcher[*Socket]

// WatchableRooms is an Adapter that tells a watcher of its rooms' members on this server, like
// Rooms and the adapter of package cluster. It has one watcher.
type WatchableRooms interface {
	// Watch tells a watcher of all members, and of each change from then on; nil ends it.
	Watch(w RoomWatcher)
	// Watcher returns the watcher that Watch has set; nil if there is none.
	Watcher() RoomWatcher
}

var _ WatchableRooms = (*Rooms)(nil)

// selected returns the connected sockets among the targets, for operations that are called without
// the lock.
func (r *Rooms) selected(t *Target) []*Socket {
	return slices.DeleteFunc(r.Selected(*t), func(s *Socket) bool { return !s.arrived() })
}

// FetchSockets describes the targets.
func (r *Rooms) FetchSockets(_ context.Context, t Target) ([]RemoteSocket, error) {
	selected := r.selected(&t)
	sockets := make([]RemoteSocket, len(selected))
	for i, s := range selected {
		sockets[i] = s.describe()
	}
	return sockets, nil
}

// CountSockets returns the number of targets.
func (r *Rooms) CountSockets(_ context.Context, t Target) (int, error) {
	n := 0
	r.Each(&t, func(s *Socket) {
		if s.arrived() {
			n++
		}
	})
	return n, nil
}

// SocketsJoin puts all targets into rooms, except those that may not join them.
func (r *Rooms) SocketsJoin(_ context.Context, t Target, rooms ...string) error {
	for _, s := range r.selected(&t) {
		if err := s.Join(rooms...); err != nil {
			s.namespace.server.log.Debug("a socket is not put into rooms", s.LogAttr(), "error", err)
		}
	}
	return nil
}

// SocketsLeave removes all targets from rooms.
func (r *Rooms) SocketsLeave(_ context.Context, t Target, rooms ...string) error {
	for _, s := range r.selected(&t) {
		for _, room := range rooms {
			s.Leave(room)
		}
	}
	return nil
}

// DisconnectSockets disconnects all targets.
func (r *Rooms) DisconnectSockets(_ context.Context, t Target, closeConnection bool) error {
	for _, s := range r.selected(&t) {
		s.Disconnect(closeConnection)
	}
	return nil
}

// ServerSideEmit does nothing: there is no other server.
func (r *Rooms) ServerSideEmit(string, Args) error { return nil }

// ServerSideEmitWithAck does nothing: there is no other server.
func (r *Rooms) ServerSideEmitWithAck(context.Context, string, Args) ([]Args, error) { return nil, nil }

// Ask delivers like Broadcast, but asks for acknowledgements, and returns the number of clients
// that it asks. answer is called once for each of them, from any goroutine and possibly before Ask
// returns: with the client's answer, or with ok false if the client disconnects first, or is not
// asked because it owes too many acknowledgements. answer must not block. After stop, no further
// call begins.
func (r *Rooms) Ask(d *Delivery, answer func(args Args, ok bool)) (asked int, stop func(), err error) {
	e := d.Encoded()
	sockets := r.selected(&d.Target)
	if len(sockets) == 0 {
		return 0, func() {}, nil
	}
	ns := sockets[0].namespace
	p, err := ns.server.codec.Decode(e)
	if err != nil {
		return 0, nil, fmt.Errorf("read the packet to be acknowledged: %w", err)
	}
	p.ID, p.HasID = ns.nextAckID(), true
	numbered := ns.server.codec.Encode(p)
	numbered.Uncompressed = d.Uncompressed
	messages := numbered.Messages()
	waiting, busy := sockets[:0], 0
	for _, s := range sockets {
		switch err := s.awaitAck(p.ID, answer); {
		case err == nil:
			waiting = append(waiting, s)
			s.deliverSoon(messages, d.Volatile)
		case errors.Is(err, ErrManyAcks):
			busy++
			answer(Args{}, false)
		}
	}
	notifyOutgoing(slices.DeleteFunc(slices.Clone(waiting), func(s *Socket) bool { return !s.handlers.HasOutgoing() }), e)
	return len(waiting) + busy, func() {
		for _, s := range waiting {
			s.takeAck(p.ID)
		}
	}, nil
}

// BroadcastWithAck asks all targets and collects the answers.
func (r *Rooms) BroadcastWithAck(ctx context.Context, d *Delivery) ([]Args, error) {
	c := collect.New[Args](ErrDisconnected)
	asked, stop, err := r.Ask(d, c.Add)
	if err != nil {
		return nil, err
	}
	defer stop()
	c.Expect(asked)
	return c.Wait(ctx)
}
