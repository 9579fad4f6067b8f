// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/collect"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/roomindex"
)

// Rooms is the in-memory Adapter: who is in which room on this server. Safe for concurrent use.
type Rooms struct {
	mu sync.RWMutex
	// index is guarded by mu.
	index *roomindex.Index[*Socket]
	// watcher is told of its changes. Guarded by mu.
	watcher RoomWatcher
}

// NewRooms returns an Adapter for a single server, which is no SessionKeeper: with Options.Recovery, leave Options.NewAdapter nil.
func NewRooms() *Rooms {
	r := &Rooms{}
	r.index = roomindex.New(r.changed)
	return r
}

// Join puts a socket into rooms; the first call also makes it a member of the namespace.
func (r *Rooms) Join(s *Socket, names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index.Join(s, names...)
}

// Leave takes a socket out of a room.
func (r *Rooms) Leave(s *Socket, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index.Leave(s, name)
}

// LeaveAll takes a socket out of all its rooms and out of the namespace.
func (r *Rooms) LeaveAll(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index.LeaveAll(s)
}

// RoomsOf lists the rooms that a socket is in, in no order; not the alias of a 2.x client, which is secret.
func (r *Rooms) RoomsOf(s *Socket) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.DeleteFunc(r.index.RoomsOf(s), s.isAlias)
}

// CountRooms is how many rooms a socket is in, the alias of a 2.x client included.
func (r *Rooms) CountRooms(s *Socket) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.index.CountRooms(s)
}

// Has tells whether a room has a member.
func (r *Rooms) Has(name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.index.Members(name)) > 0
}

// Contains tells whether a socket is in a room.
func (r *Rooms) Contains(s *Socket, name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.index.IsIn(s, name)
}

// HasPrefix tells whether a room has a member whose name begins so. It looks at all rooms.
func (r *Rooms) HasPrefix(prefix string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name := range r.index.Rooms() {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Len is the number of sockets in the namespace.
func (r *Rooms) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.index.Len()
}

// RoomSizes are the rooms that have members, each with how many, but for those that exist for one socket alone. It looks at all.
func (r *Rooms) RoomSizes() map[string]int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	sizes := map[string]int{}
	for name, members := range r.index.Rooms() {
		if !slices.ContainsFunc(members, func(s *Socket) bool { return s.id == name || s.isAlias(name) }) {
			sizes[name] = len(members)
		}
	}
	return sizes
}

// RoomSize is the number of a room's members.
func (r *Rooms) RoomSize(name string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.index.Members(name))
}

// Names lists the rooms that have members, in no order.
func (r *Rooms) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.index.Names()
}

// Broadcast queues the packet with each member that is meant, once.
func (r *Rooms) Broadcast(d *Delivery) error {
	notifyOutgoing(r.spread(d, nil), d.Encoded())
	return nil
}

// spread queues the packet, calls also (unless nil) with each member that is meant, and returns those whose OnAnyOutgoing handlers
// are to be told.
func (r *Rooms) spread(d *Delivery, also func(*Socket)) (watched []*Socket) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var messages []*engineio.Message // made for the first who is meant
	r.each(&d.Target, func(s *Socket) {
		if also != nil {
			also(s)
		}
		if messages == nil {
			messages = d.Messages(s.namespace.server.codec)
		}
		if s.hasOutgoing.Load() {
			watched = append(watched, s)
		}
		if g := s.gate.Load(); g != nil && !d.Volatile && g.Hold(d.Position, messages, s.conn.Session()) {
			return
		}
		s.deliverSoon(messages, d.Volatile)
	})
	return watched
}

// notifyOutgoing tells the OnAnyOutgoing handlers of sockets about a packet. The lock is not held: they are the
// application's.
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

// Close releases nothing; it is the end for who watches.
func (r *Rooms) Close() error {
	if w := r.Watcher(); w != nil {
		w.Closed()
	}
	return nil
}

// visit calls do once for every socket that is meant. It must not change rooms.
func (r *Rooms) visit(t *Target, do func(*Socket)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.each(t, do)
}

// each calls do once for every socket that is meant. The caller holds mu.
func (r *Rooms) each(t *Target, do func(*Socket)) { r.index.Each(t.Rooms, t.Except, do) }

var _ Adapter = (*Rooms)(nil)

// deliverSoon sends messages of one packet to one of many who get them. A socket that has gone gets nothing; a client that is too slow
// is closed by its session, which spares everybody else.
func (s *Socket) deliverSoon(messages []*engineio.Message, volatile bool) {
	if s.takes(volatile) {
		_ = s.conn.Session().SendSoon(messages...)
	}
}

// RoomWatcher learns who is in which room of a namespace on this server, in whatever way he comes or goes: by Join and Leave, by
// SocketsJoin of another server, by the end of his connection. Its methods are called with the rooms locked, so in the
// order in which rooms change: they must return at once, and must not use the adapter.
type RoomWatcher interface {
	// Joined tells of a member. It may be one that has been told of before.
	Joined(s *Socket, room string)
	// Left tells of a member that is none any more.
	Left(s *Socket, room string)
	// Closed ends it: the adapter is closed.
	Closed()
}

// WatchableRooms is an Adapter that tells who is in its rooms on this server, as Rooms does and that of
// package cluster. There is one watcher.
type WatchableRooms interface {
	// Watch tells a watcher of all members, and of each change from then on; nil ends it.
	Watch(w RoomWatcher)
	// Watcher is the one that Watch was given; nil if none.
	Watcher() RoomWatcher
}

var _ WatchableRooms = (*Rooms)(nil)

// Watch tells a watcher of all members, and of each change from then on. There is one watcher; nil ends it.
func (r *Rooms) Watch(w RoomWatcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watcher = w
	if w == nil {
		return
	}
	for name, members := range r.index.Rooms() {
		for _, s := range members {
			r.changed(s, name, true)
		}
	}
}

// Watcher is the one that Watch has been given; nil if none.
func (r *Rooms) Watcher() RoomWatcher {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.watcher
}

// changed is called with mu held. Nobody is told of an alias.
func (r *Rooms) changed(s *Socket, name string, joined bool) {
	switch {
	case r.watcher == nil || s.isAlias(name):
	case joined:
		r.watcher.Joined(s, name)
	default:
		r.watcher.Left(s, name)
	}
}

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

// CountSockets counts the sockets that are meant.
func (r *Rooms) CountSockets(_ context.Context, t Target) (int, error) {
	n := 0
	r.visit(&t, func(s *Socket) {
		if s.arrived() {
			n++
		}
	})
	return n, nil
}

// SocketsJoin puts all who are meant into rooms, but for those that may not be in them.
func (r *Rooms) SocketsJoin(_ context.Context, t Target, rooms ...string) error {
	for _, s := range r.selected(&t) {
		if err := s.Join(rooms...); err != nil {
			s.namespace.server.log.Debug("a socket is not put into rooms", "socket", s.LogID(), "error", err)
		}
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

// Ask delivers like Broadcast, with a request for an acknowledgement, and returns how many clients it asks. answer is called
// once for each of them, from any goroutine and perhaps before Ask returns: with what the client has said, or with ok false
// when it has gone without a word, or has not answered so much already that it is not asked. It must not block. After stop, no further call begins.
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
	notifyOutgoing(watched(waiting), e)
	return len(waiting) + busy, func() {
		for _, s := range waiting {
			s.takeAck(p.ID)
		}
	}, nil
}

func watched(sockets []*Socket) []*Socket {
	var out []*Socket
	for _, s := range sockets {
		if s.hasOutgoing.Load() {
			out = append(out, s)
		}
	}
	return out
}

// BroadcastWithAck asks all who are meant and collects the answers.
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
