// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"strings"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// Rooms is the in-memory Adapter: who is in which room on this server. Safe for concurrent use.
type Rooms struct {
	mu sync.RWMutex
	// rooms and joined are each other's inverse. Guarded by mu.
	rooms  map[string]*room
	joined map[*Socket]map[string]struct{}
	// watcher is told of both. Guarded by mu.
	watcher RoomWatcher
}

// room keeps its members in a slice, since a broadcast walks it far more often than it changes.
type room struct {
	members []*Socket
	index   map[*Socket]int
}

// NewRooms returns an Adapter for a single server, which is no SessionKeeper: with Options.Recovery, leave Options.NewAdapter nil.
func NewRooms() *Rooms {
	return &Rooms{rooms: map[string]*room{}, joined: map[*Socket]map[string]struct{}{}}
}

// Join puts a socket into rooms; the first call also makes it a member of the namespace.
func (r *Rooms) Join(s *Socket, names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	joined := r.joined[s]
	if joined == nil {
		joined = make(map[string]struct{}, len(names))
		r.joined[s] = joined
	}
	for _, name := range names {
		if _, ok := joined[name]; ok {
			continue
		}
		joined[name] = struct{}{}
		rm := r.rooms[name]
		if rm == nil {
			rm = &room{index: map[*Socket]int{}}
			r.rooms[name] = rm
		}
		rm.add(s)
		r.joinedRoom(s, name)
	}
}

// Leave takes a socket out of a room.
func (r *Rooms) Leave(s *Socket, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.joined[s][name]; !ok {
		return
	}
	delete(r.joined[s], name)
	r.removeMember(s, name)
}

// LeaveAll takes a socket out of all its rooms and out of the namespace.
func (r *Rooms) LeaveAll(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.joined[s] {
		r.removeMember(s, name)
	}
	delete(r.joined, s)
}

func (r *Rooms) removeMember(s *Socket, name string) {
	rm := r.rooms[name]
	rm.remove(s)
	if len(rm.members) == 0 {
		delete(r.rooms, name)
	}
	r.leftRoom(s, name)
}

// RoomsOf lists the rooms that a socket is in, in no order.
func (r *Rooms) RoomsOf(s *Socket) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]string, 0, len(r.joined[s]))
	for name := range r.joined[s] {
		out = append(out, name)
	}
	return out
}

// Has tells whether a room has a member.
func (r *Rooms) Has(name string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.rooms[name] != nil
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
		if g := s.gate.Load(); g != nil && !d.Volatile && g.hold(d.Position, messages) {
			return
		}
		s.deliverSoon(messages, d.Volatile)
	})
	return watched
}

// notifyOutgoing tells the OnAnyOutgoing handlers of sockets about a packet. The lock is not held: they are the
// application's.
func notifyOutgoing(sockets []*Socket, e encodedPacket) {
	if len(sockets) == 0 {
		return
	}
	p, err := sockets[0].conn.server.codec.decode(e)
	if err != nil {
		return // from a gateway with another parser; the clients will not understand it either
	}
	for _, s := range sockets {
		s.notifyOutgoing(p.event, Args{JSON: p.payload, Attachments: p.attachments})
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
		if rm := r.rooms[name]; rm != nil {
			if _, ok := rm.index[s]; ok {
				return true
			}
		}
	}
	return false
}

func (rm *room) add(s *Socket) {
	rm.index[s] = len(rm.members)
	rm.members = append(rm.members, s)
}

func (rm *room) remove(s *Socket) {
	i := rm.index[s]
	last := len(rm.members) - 1
	rm.members[i] = rm.members[last]
	rm.index[rm.members[i]] = i
	rm.members[last] = nil
	rm.members = rm.members[:last]
	delete(rm.index, s)
}

var _ Adapter = (*Rooms)(nil)

// deliverSoon sends messages of one packet to one of many who get them. A socket that has gone gets nothing; a client that is too slow
// is closed by its session, which spares everybody else.
func (s *Socket) deliverSoon(messages []*engineio.Message, volatile bool) {
	if s.takes(volatile) {
		_ = s.conn.session.SendSoon(messages...)
	}
}
