// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"slices"
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"
)

// Rooms is the in-memory Adapter: who is in which room on this server. Safe for concurrent use.
type Rooms struct {
	mu sync.RWMutex
	// rooms and joined are each other's inverse. Guarded by mu.
	rooms  map[string]*room
	joined map[*Socket][]*room
	// watcher is told of both. Guarded by mu.
	watcher RoomWatcher
}

// NewRooms returns an Adapter for a single server, which is no SessionKeeper: with Options.Recovery, leave Options.NewAdapter nil.
func NewRooms() *Rooms {
	return &Rooms{rooms: map[string]*room{}, joined: map[*Socket][]*room{}}
}

// Join puts a socket into rooms; the first call also makes it a member of the namespace.
func (r *Rooms) Join(s *Socket, names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	joined, ok := r.joined[s]
	if !ok {
		joined = make([]*room, 0, len(names))
	}
	for _, name := range names {
		rm := r.rooms[name]
		if rm == nil {
			rm = &room{name: name}
			r.rooms[name] = rm
		}
		if rm.has(s) {
			continue
		}
		rm.add(s)
		joined = append(joined, rm)
		r.joinedRoom(s, name)
	}
	r.joined[s] = joined
}

// Leave takes a socket out of a room.
func (r *Rooms) Leave(s *Socket, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	joined, rm := r.joined[s], r.rooms[name]
	if rm == nil || !rm.has(s) {
		return
	}
	i, last := slices.Index(joined, rm), len(joined)-1
	joined[i] = joined[last]
	joined[last] = nil
	r.joined[s] = joined[:last]
	r.removeMember(s, rm)
}

// LeaveAll takes a socket out of all its rooms and out of the namespace.
func (r *Rooms) LeaveAll(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rm := range r.joined[s] {
		r.removeMember(s, rm)
	}
	delete(r.joined, s)
}

func (r *Rooms) removeMember(s *Socket, rm *room) {
	rm.remove(s)
	if len(rm.members) == 0 {
		delete(r.rooms, rm.name)
	}
	r.leftRoom(s, rm.name)
}

// RoomsOf lists the rooms that a socket is in, in no order; not the alias of a 2.x client, which is secret.
func (r *Rooms) RoomsOf(s *Socket) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]string, 0, len(r.joined[s]))
	for _, rm := range r.joined[s] {
		if !s.isAlias(rm.name) {
			out = append(out, rm.name)
		}
	}
	return out
}

// Has tells whether a room has a member.
func (r *Rooms) Has(name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.rooms[name] != nil
}

// Contains tells whether a socket is in a room.
func (r *Rooms) Contains(s *Socket, name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	rm := r.rooms[name]
	return rm != nil && rm.has(s)
}

// HasPrefix tells whether a room has a member whose name begins so. It looks at all rooms.
func (r *Rooms) HasPrefix(prefix string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name := range r.rooms {
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
	return len(r.joined)
}

// RoomSizes are the rooms that have members, each with how many, but for those that exist for one socket alone. It looks at all.
func (r *Rooms) RoomSizes() map[string]int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	sizes := map[string]int{}
	for name, rm := range r.rooms {
		if !slices.ContainsFunc(rm.members, func(s *Socket) bool { return s.id == name || s.isAlias(name) }) {
			sizes[name] = len(rm.members)
		}
	}
	return sizes
}

// RoomSize is the number of a room's members.
func (r *Rooms) RoomSize(name string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if rm := r.rooms[name]; rm != nil {
		return len(rm.members)
	}
	return 0
}

// Names lists the rooms that have members, in no order.
func (r *Rooms) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.rooms))
	for name := range r.rooms {
		names = append(names, name)
	}
	return names
}

// Broadcast queues the packet with each member that is meant, once.
func (r *Rooms) Broadcast(d *Delivery) error {
	notifyOutgoing(r.spread(d, nil), d.encoded())
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
			messages = d.messages(s.conn.server.codec)
		}
		if s.hasOutgoing.Load() {
			watched = append(watched, s)
		}
		if g := s.gate.Load(); g != nil && !d.Volatile && g.hold(d.Position, messages, s.conn.session) {
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
	p, err := sockets[0].conn.server.codec.Decode(e)
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
func (r *Rooms) each(t *Target, do func(*Socket)) {
	if t.Rooms == nil {
		for s := range r.joined {
			if !r.inAny(s, t.Except) {
				do(s)
			}
		}
		return
	}
	for i, name := range t.Rooms {
		rm := r.rooms[name]
		if rm == nil {
			continue
		}
		for _, s := range rm.members {
			// A member of an earlier room has got it already.
			if !r.inAny(s, t.Rooms[:i]) && !r.inAny(s, t.Except) {
				do(s)
			}
		}
	}
}

func (r *Rooms) inAny(s *Socket, names []string) bool {
	for _, name := range names {
		if rm := r.rooms[name]; rm != nil && rm.has(s) {
			return true
		}
	}
	return false
}

var _ Adapter = (*Rooms)(nil)

// deliverSoon sends messages of one packet to one of many who get them. A socket that has gone gets nothing; a client that is too slow
// is closed by its session, which spares everybody else.
func (s *Socket) deliverSoon(messages []*engineio.Message, volatile bool) {
	if s.takes(volatile) {
		_ = s.conn.session.SendSoon(messages...)
	}
}
