// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// EventName is the name of the event for clients.
const EventName = "presence"

// ErrNotTracked is returned for a room without presence.
var ErrNotTracked = errors.New("the room has no presence")

// Config determines which rooms have presence, and what is seen of their members. Its functions are
// called from many goroutines.
type Config struct {
	// Tracks reports whether a room has presence; nil: none has. A socket's own room, named by its
	// id, never has. It is called with locks held: it must return at once and must not use the
	// namespace.
	Tracks func(room string) bool
	// Info returns what others see of a member besides its id, any value that encoding/json
	// accepts; nil: nothing. It is called when a socket has joined, and after Touch. More than
	// MaxInfo bytes are not shown. It must not use the tracker.
	Info func(s *socketio.Socket, room string) any
	// Sees reports whether a member is told who is in the room; nil: all are. It is called like
	// Info.
	Sees func(s *socketio.Socket, room string) bool
	// Budget bounds the infos of members, together with other namespaces that have the same Budget;
	// nil: the tracker has one of its own, of DefaultInfoBytes.
	Budget *Budget
}

// Tracker tracks the members of the rooms of one namespace. Safe for concurrent use. It ends with
// the namespace.
type Tracker struct {
	namespace *socketio.Namespace
	watched   socketio.WatchableRooms
	link      Link // nil: a single server
	config    atomic.Pointer[Config]
	// own is the budget of a tracker whose configuration has none.
	own *Budget
	// batches counts the batches that were sent.
	batches atomic.Uint64

	// mu may be locked while the namespace's rooms are locked, so these must not be used while it
	// is held. Nothing is sent while it is held either.
	mu    sync.Mutex
	rooms map[string]*room // guarded by mu
	// last is the number of the last delta. Guarded by mu.
	last uint64
	// parted are rooms that the last member has just left, with the number of that delta, which is
	// announced twice. Guarded by mu.
	parted map[string]uint64
	closed bool // guarded by mu
}

// New returns the tracker of a namespace with these rooms. The link connects it to other gateways;
// nil for a single server. The namespace's adapter calls New, and lets the tracker watch the rooms;
// all others call Of. It tracks nothing before it is configured.
func New(ns *socketio.Namespace, rooms socketio.WatchableRooms, link Link) *Tracker {
	return &Tracker{namespace: ns, watched: rooms, link: link, own: NewBudget(0), rooms: map[string]*room{}, parted: map[string]uint64{}}
}

// Of returns the tracker of a namespace. It returns an error if the namespace's adapter has no
// watcher (socketio.WatchableRooms), or has another one.
func Of(ns *socketio.Namespace) (*Tracker, error) {
	rooms, ok := ns.Adapter().(socketio.WatchableRooms)
	if !ok {
		return nil, fmt.Errorf("presence of %s: a %T does not tell who is in its rooms", ns.Name(), ns.Adapter())
	}
	switch watcher := rooms.Watcher().(type) {
	case nil:
		t := New(ns, rooms, nil)
		rooms.Watch(t)
		return t, nil
	case *Tracker:
		return watcher, nil
	default:
		return nil, fmt.Errorf("presence of %s: a %T watches the rooms", ns.Name(), watcher)
	}
}

// Configure sets the configuration, for existing rooms as well: their members are told of the
// others, or of nothing any more.
func (t *Tracker) Configure(c Config) {
	before := t.config.Swap(&c)
	if (before == nil || before.Tracks == nil) && c.Tracks == nil {
		return
	}
	t.mu.Lock()
	var dropped []*room
	for name, r := range t.rooms {
		if !t.tracks(name) {
			delete(t.rooms, name)
			r.end()
			dropped = append(dropped, r)
			continue
		}
		for _, m := range r.members {
			if m.gateway == "" {
				r.stale[m.ID] = m
			}
		}
		t.sendSoon(r)
	}
	farewells := t.farewells(dropped)
	t.mu.Unlock()
	t.publish(farewells)
	for _, r := range dropped {
		t.unlisten(r.name)
	}
	// It reports all members, including those that are known.
	t.watched.Watch(t)
}

func (t *Tracker) budget() *Budget {
	if c := t.config.Load(); c != nil && c.Budget != nil {
		return c.Budget
	}
	return t.own
}

// tracks reports whether a room has presence.
func (t *Tracker) tracks(room string) bool {
	c := t.config.Load()
	return c != nil && c.Tracks != nil && c.Tracks(room)
}

// Joined adds a member (socketio.RoomWatcher).
func (t *Tracker) Joined(s *socketio.Socket, room string) {
	if room != s.ID() {
		t.enter(s.ID(), s, room)
	}
}

// Left removes a member (socketio.RoomWatcher).
func (t *Tracker) Left(s *socketio.Socket, room string) { t.leave(s.ID(), room) }

// Closed ends the tracker (socketio.RoomWatcher). The others are told that no members are left
// here.
func (t *Tracker) Closed() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	dropped := make([]*room, 0, len(t.rooms))
	for _, r := range t.rooms {
		r.end()
		dropped = append(dropped, r)
	}
	t.rooms = map[string]*room{}
	farewells := t.farewells(dropped)
	t.mu.Unlock()
	t.publish(farewells)
}

func (t *Tracker) enter(id string, s *socketio.Socket, name string) {
	if !t.tracks(name) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// It may have changed meanwhile, after Configure has visited the rooms.
	if t.closed || !t.tracks(name) {
		return
	}
	r := t.rooms[name]
	if r == nil {
		r = newRoom(name, t.budget())
		t.rooms[name] = r
	}
	if r.newcomers[id] != nil || r.hasLocal(id) {
		return
	}
	r.newcomers[id] = &member{Member: Member{ID: id}, socket: s}
	t.sendSoon(r)
}

func (t *Tracker) leave(id, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rooms[name]
	if r == nil {
		return
	}
	delete(r.newcomers, id)
	if r.hasLocal(id) {
		m := r.members[id]
		r.remove(m)
		r.forClients.note(left, m)
		r.forPeers.note(left, m)
		t.notifySoon(r)
	}
	t.sendSoon(r)
}

// Touch calls Config.Info again for a socket, in all its rooms; changes are reported as `updated`.
// It is called after SetData.
func (t *Tracker) Touch(s *socketio.Socket) {
	if c := t.config.Load(); c == nil || c.Info == nil && c.Sees == nil {
		return
	}
	for _, name := range s.Rooms() {
		t.mu.Lock()
		if r := t.rooms[name]; r != nil {
			if m := r.members[s.ID()]; m != nil && m.gateway == "" {
				r.stale[m.ID] = m
				t.sendSoon(r)
			} else if m := r.newcomers[s.ID()]; m != nil {
				// Its info may have been requested already.
				r.newcomers[m.ID] = &member{Member: m.Member, socket: s}
			}
		}
		t.mu.Unlock()
	}
}

// Size returns the number of rooms with presence that have a member here, and the number of these
// members.
func (t *Tracker) Size() (rooms, members int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rooms {
		members += r.local + len(r.newcomers)
	}
	return len(t.rooms), members
}

// Holds reports whether a room has a member here.
func (t *Tracker) Holds(room string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rooms[room] != nil
}

var _ socketio.RoomWatcher = (*Tracker)(nil)
