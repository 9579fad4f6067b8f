// SPDX-License-Identifier: Apache-2.0

package places

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var (
	// ErrFull is returned if a room has no place left.
	ErrFull = errors.New("the room is full")
	// ErrUnavailable is returned if nobody can tell, since the log cannot be reached.
	ErrUnavailable = errors.New("the places of the room are not known")
	// ErrChanged is returned by Link.Write if the record is another one by now.
	ErrChanged = errors.New("the record has changed")
	// ErrUncounted is returned for a room without a capacity.
	ErrUncounted = errors.New("the room has no capacity")
)

const (
	// reservation is how long a place waits for a socket that was let in to join.
	reservation = 30 * time.Second
	// writeTimeout bounds the wait for the log.
	writeTimeout = 5 * time.Second
	// takeTimeout bounds the wait for a place: for a write under way, and the next one.
	takeTimeout = 2 * writeTimeout
	// writesAtOnce bounds the records that a namespace writes at once.
	writesAtOnce = 16
)

// Link reads and writes records. Safe for concurrent use.
type Link interface {
	// ID is the id of this gateway.
	ID() string
	// Read returns a room's record, and its revision; 0 and nothing if there is none.
	Read(ctx context.Context, room string) (data []byte, revision uint64, err error)
	// ReadAll reads the records of several rooms, each as some server of NATS has it, which may be
	// that of a moment ago. Rooms without a record are left out.
	ReadAll(ctx context.Context, rooms []string, each func(room string, data []byte, revision uint64)) error
	// Write replaces the record with that revision, and returns the next one.
	Write(ctx context.Context, room string, data []byte, revision uint64) (uint64, error)
	// IsLost reports whether another gateway is not alive. It asks for one that is not known.
	IsLost(ctx context.Context, gateway string) bool
	// Away is how long a place waits for its client, and Keeps how long a record is kept.
	Away() time.Duration
	Keeps() time.Duration
	// Go runs a function in a goroutine that the gateway waits for when it ends; Life ends then.
	Go(f func())
	Life() context.Context
}

// Keeper keeps the places of a namespace's rooms. Safe for concurrent use. It ends with the
// namespace. A nil Keeper is told of what happens, and keeps nothing.
type Keeper struct {
	link Link
	// capacity returns that of a room; 0: none.
	capacity atomic.Pointer[func(room string) int]
	writes   chan struct{}

	// mu may be locked while the namespace's rooms are locked.
	mu    sync.Mutex
	rooms map[string]*room // guarded by mu
	// leaving are sockets whose clients may come back. Guarded by mu.
	leaving map[*socketio.Socket]struct{}
	closed  bool // guarded by mu
}

// New returns a Keeper of no room; see Configure.
func New(link Link) *Keeper {
	return &Keeper{link: link, writes: make(chan struct{}, writesAtOnce), rooms: map[string]*room{}, leaving: map[*socketio.Socket]struct{}{}}
}

// Kept is an adapter that keeps places, and tells an observer who is in its rooms.
type Kept interface {
	// Places returns the Keeper; nil without a log.
	Places() *Keeper
	Observe(w socketio.RoomWatcher)
}

// Of returns the Keeper of a namespace.
func Of(ns *socketio.Namespace) (*Keeper, error) {
	if kept, ok := ns.Adapter().(Kept); ok && kept.Places() != nil {
		return kept.Places(), nil
	}
	return nil, fmt.Errorf("places of %s: a %T without a log does not count them", ns.Name(), ns.Adapter())
}

// Configure sets the capacities of a namespace's rooms, 0 for those without, and counts who is
// there. The function is called with locks held; nil: no room has a capacity.
func Configure(ns *socketio.Namespace, capacity func(room string) int) error {
	k, err := Of(ns)
	if err != nil {
		if capacity == nil {
			return nil
		}
		return err
	}
	kept := ns.Adapter().(Kept)
	if capacity == nil {
		if k.capacity.Swap(nil) != nil {
			kept.Observe(nil)
		}
		return nil
	}
	k.capacity.Store(&capacity)
	kept.Observe(k) // it reports all members, including those that are known
	return nil
}

func (k *Keeper) isCounted(room string) bool { return k.Capacity(room) > 0 }

// Waits reports whether a join of the rooms has to wait for the log.
func (k *Keeper) Waits(rooms []string) bool {
	if k == nil || k.capacity.Load() == nil {
		return false
	}
	for _, room := range rooms {
		if k.isCounted(room) {
			return true
		}
	}
	return false
}

// Wish is a room that a socket is about to join, and its capacity; 0: none.
type Wish struct {
	Room     string
	Capacity int
}

// Take gives a socket, by its id, a place in each of the rooms that it is about to join. The errors
// are in their order: ErrFull for a room that has none, ErrUnavailable if nobody can tell. Who has
// a place in a room already keeps it. It waits once, for the records of all rooms.
func (k *Keeper) Take(id string, wishes ...Wish) []error {
	takes := k.wish(id, wishes)
	ctx, cancel := context.WithTimeout(k.link.Life(), takeTimeout)
	defer cancel()
	errs := make([]error, len(wishes))
	for i, t := range takes {
		if t == nil {
			continue
		}
		select {
		case errs[i] = <-t.done:
		case <-ctx.Done():
			k.abandon(t)
			errs[i] = ErrUnavailable
		}
	}
	return errs
}

// Take gives a socket places. Without a Keeper, nobody can tell whether there are any.
func Take(s *socketio.Socket, wishes []Wish) []error {
	k, err := Of(s.Namespace())
	if err == nil {
		return k.Take(s.ID(), wishes...)
	}
	errs := make([]error, len(wishes))
	for i, w := range wishes {
		if w.Capacity > 0 {
			errs[i] = err
		}
	}
	return errs
}

// wish has the records of rooms written, each with the place that is wanted there. The result has
// nil for rooms in which the socket has one, or needs none.
func (k *Keeper) wish(id string, wishes []Wish) []*take {
	k.mu.Lock()
	defer k.mu.Unlock()
	takes := make([]*take, len(wishes))
	for i, w := range wishes {
		if w.Capacity == 0 {
			continue
		}
		r := k.room(w.Room)
		if _, member := r.members[id]; member {
			continue
		}
		takes[i] = &take{id: id, room: w.Room, capacity: w.Capacity, done: make(chan error, 1)}
		r.waiting = append(r.waiting, takes[i])
		k.writeSoon(r)
	}
	return takes
}

// abandon gives a place back that may come too late.
func (k *Keeper) abandon(t *take) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t.abandoned = true
	k.release(t.id, t.room)
}

// Release gives a place back that was taken for a socket that does not join after all.
func (k *Keeper) Release(id, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.release(id, name)
}

// GiveBack releases the places of a socket in rooms that it does not join after all.
func GiveBack(s *socketio.Socket, rooms []string) {
	k, err := Of(s.Namespace())
	if err != nil {
		return // nothing counts them
	}
	for _, room := range rooms {
		k.Release(s.ID(), room)
	}
}

// release is called with mu held.
func (k *Keeper) release(id, name string) {
	if r := k.rooms[name]; r != nil && r.isReserved(id) {
		delete(r.members, id)
		k.changed(r)
	}
}

// room is called with mu held.
func (k *Keeper) room(name string) *room {
	r := k.rooms[name]
	if r == nil {
		r = &room{name: name, members: map[string]member{}, away: map[string]time.Time{}}
		k.rooms[name] = r
	}
	return r
}

// changed has a room's record written. It is called with mu held.
func (k *Keeper) changed(r *room) {
	r.dirty = true
	k.writeSoon(r)
}

// Leaves says that a socket is about to leave its rooms, and that its client may come back. Left
// ends it.
func (k *Keeper) Leaves(s *socketio.Socket) {
	if k == nil || k.capacity.Load() == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leaving[s] = struct{}{}
}

// Returns is Leaves for a socket that others end, and that may have left its rooms by now. The
// function reports whether it is in any.
func (k *Keeper) Returns(s *socketio.Socket, isThere func() bool) {
	k.Leaves(s)
	if !isThere() {
		k.HasLeft(s) // which was called too early to end it
	}
}

// HasLeft ends Leaves.
func (k *Keeper) HasLeft(s *socketio.Socket) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.leaving, s)
}

var _ socketio.RoomWatcher = (*Keeper)(nil)

// Joined counts a member (socketio.RoomWatcher).
func (k *Keeper) Joined(s *socketio.Socket, name string) {
	if name == s.ID() || !k.isCounted(name) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.room(name)
	_, known := r.members[s.ID()]
	r.members[s.ID()] = member{socket: s}
	delete(r.away, s.ID())
	if !known {
		k.changed(r)
	}
}

// Left frees a member's place, or has it wait for the client (socketio.RoomWatcher). The place may
// be another socket's of the same id by now, with which the client has come back.
func (k *Keeper) Left(s *socketio.Socket, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.rooms[name]
	if r == nil {
		return
	}
	if r.members[s.ID()].socket != s {
		return
	}
	delete(r.members, s.ID())
	if _, returns := k.leaving[s]; returns {
		r.away[s.ID()] = time.Now().Add(k.link.Away())
	}
	k.changed(r)
}

// Closed ends the Keeper (socketio.RoomWatcher).
func (k *Keeper) Closed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

// Beat renews records before the log forgets them, and frees the places of sockets that were let in
// and have not joined. It is called every few seconds, and does not block.
func (k *Keeper) Beat(now time.Time) {
	if k == nil || k.capacity.Load() == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.rooms {
		for id, m := range r.members {
			if m.socket == nil && m.until.Before(now) {
				delete(r.members, id)
				r.dirty = true
			}
		}
		if r.dirty || len(r.members) > 0 && k.isOld(r, now) {
			r.reread = true
			k.changed(r)
		}
	}
}

// Recheck reads all records again, since others may have taken this gateway for lost, or the log
// may be another one.
func (k *Keeper) Recheck() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.rooms {
		r.reread = true
		k.changed(r)
	}
}
