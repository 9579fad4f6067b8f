// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
)

const (
	// DefaultMaxDisconnection is how long a single server keeps the session of a client that is away.
	DefaultMaxDisconnection = 2 * time.Minute
	// DefaultMaxMessages is how many events a single server keeps for each client.
	DefaultMaxMessages = 1000
	// DefaultMaxSessions is how many sessions a single server keeps, in each namespace, for clients that are away.
	DefaultMaxSessions = 10_000
)

// memoryKeeper is the SessionKeeper of a single server. Who is meant by an event is settled when it is emitted, for clients
// that are away as for those that are there: so rooms and exceptions are those of that moment, and a busy room takes nothing
// from the members of a quiet one. Safe for concurrent use.
type memoryKeeper struct {
	*Rooms
	// away has a stand-in for each client that is away, in the rooms that it had.
	away             *Rooms
	maxDisconnection time.Duration
	maxMessages      int
	maxSessions      int
	// retention is for how long an event is of use: a client that is gone for longer does not come back.
	retention time.Duration
	// mark tells offsets of this keeper from other strings.
	mark string

	// mu is held while an event gets its number and is queued with clients: each gets events in the order of their numbers. It is
	// taken before the locks of Rooms and of sessions of package engineio, whose Send neither waits nor calls back: a client that is
	// too slow is told to OnClose, and so to Release, by another goroutine.
	mu       sync.Mutex
	number   uint64                     // of the last event; guarded by mu
	byPID    map[string]*memorySession  // guarded by mu
	bySocket map[*Socket]*memorySession // guarded by mu
	leavers  list.List                  // sessions of who is away, the longest first; guarded by mu
	closed   bool                       // guarded by mu
}

// memorySession is guarded by its keeper's mu.
type memorySession struct {
	pid string
	// takeovers is how often it has been recovered.
	takeovers int
	// socket is the client's, or its stand-in while it is away.
	socket *Socket
	isAway bool
	data   []byte // as of when it went away
	// floor is the number of the last event before the session; lost that of the last that was meant for it and is not kept.
	floor, lost uint64
	events      []*keptEvent
	// expiry and leaver, its place among the leavers, are nil unless it is away.
	expiry *time.Timer
	leaver *list.Element
}

// keptEvent is shared by all sessions that it was meant for.
type keptEvent struct {
	Delivery
	at time.Time
}

// newMemoryKeeper is told how long it may take until a client is noticed to be gone.
func newMemoryKeeper(r *Recovery, detection time.Duration) *memoryKeeper {
	k := &memoryKeeper{
		Rooms:            NewRooms(),
		away:             NewRooms(),
		maxDisconnection: cmp.Or(max(r.MaxDisconnection, 0), DefaultMaxDisconnection),
		maxMessages:      cmp.Or(max(r.MaxMessages, 0), DefaultMaxMessages),
		maxSessions:      cmp.Or(max(r.MaxSessions, 0), DefaultMaxSessions),
		mark:             randomID()[:6],
		byPID:            map[string]*memorySession{},
		bySocket:         map[*Socket]*memorySession{},
	}
	k.retention = k.maxDisconnection + detection
	return k
}

var _ SessionKeeper = (*memoryKeeper)(nil)

// Broadcast queues the event with all who are meant, and keeps it for them unless it is volatile.
func (k *memoryKeeper) Broadcast(d *Delivery) error {
	e := &keptEvent{Delivery: *d, at: time.Now()}
	e.Receipt = nil // expects nothing here, and need not be kept
	notifyOutgoing(k.admit(e), d.Encoded())
	return nil
}

// admit numbers an event, and queues and keeps it. It returns those whose OnAnyOutgoing handlers are to be told.
func (k *memoryKeeper) admit(e *keptEvent) (watched []*Socket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Volatile {
		e.ExtraArgs = offset.Append(slices.Clip(e.ExtraArgs), k.mark, k.number)
		return k.spread(&e.Delivery, nil)
	}
	k.number++
	e.Position = k.number
	e.ExtraArgs = offset.Append(slices.Clip(e.ExtraArgs), k.mark, k.number)
	keep := func(s *Socket) { k.keepEvent(s, e) }
	k.away.visit(&e.Target, keep)
	return k.spread(&e.Delivery, keep)
}

// keepEvent is called with mu held.
func (k *memoryKeeper) keepEvent(s *Socket, e *keptEvent) {
	n := k.bySocket[s]
	if n == nil {
		return
	}
	for len(n.events) > 0 && (len(n.events) >= k.maxMessages || e.at.Sub(n.events[0].at) > k.retention) {
		n.lost = n.events[0].Position
		n.events[0] = nil // append moves the rest when the slice is full
		n.events = n.events[1:]
	}
	n.events = append(n.events, e)
}
