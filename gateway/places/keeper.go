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
	leaving map[string]struct{}
	closed  bool // guarded by mu
}

// New returns a Keeper of no room; see Configure.
func New(link Link) *Keeper {
	return &Keeper{link: link, writes: make(chan struct{}, writesAtOnce), rooms: map[string]*room{}, leaving: map[string]struct{}{}}
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

// Take gives a socket, by its id, a place in a room that it is about to join: ErrFull if there is
// none, ErrUnavailable if nobody can tell. Who has a place in the room already keeps it.
func (k *Keeper) Take(id, name string, capacity int) error {
	k.mu.Lock()
	r := k.room(name)
	if _, member := r.members[id]; member {
		k.mu.Unlock()
		return nil
	}
	t := &take{id: id, capacity: capacity, done: make(chan error, 1)}
	r.waiting = append(r.waiting, t)
	k.writeSoon(r)
	k.mu.Unlock()
	timeout := time.NewTimer(takeTimeout)
	defer timeout.Stop()
	select {
	case err := <-t.done:
		return err
	case <-timeout.C:
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t.abandoned = true
	k.release(id, name)
	return ErrUnavailable
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
		r = &room{name: name, members: map[string]time.Time{}, away: map[string]time.Time{}}
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
	k.leaving[s.ID()] = struct{}{}
}

// HasLeft ends Leaves.
func (k *Keeper) HasLeft(s *socketio.Socket) {
	if k == nil || k.capacity.Load() == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.leaving, s.ID())
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
	r.members[s.ID()] = time.Time{}
	delete(r.away, s.ID())
	if !known {
		k.changed(r)
	}
}

// Left frees a member's place, or has it wait for the client (socketio.RoomWatcher).
func (k *Keeper) Left(s *socketio.Socket, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.rooms[name]
	if r == nil {
		return
	}
	if _, member := r.members[s.ID()]; !member {
		return
	}
	delete(r.members, s.ID())
	if _, returns := k.leaving[s.ID()]; returns {
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
		for id, until := range r.members {
			if !until.IsZero() && until.Before(now) {
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
