// SPDX-License-Identifier: Apache-2.0

// Package memory keeps in the memory of a single server what its sockets are and what they miss while their
// clients are away. It does not know how events get to sockets that are there: package socketio delivers them.
//
// Who is meant by an event is settled when it is emitted, for clients that are away as for those that are
// there: so rooms and exceptions are those of that moment, and a busy room takes nothing from the members of a
// quiet one.
package memory

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/internal/roomindex"
)

// Socket is a client that is there.
type Socket interface {
	comparable
	ID() string
	Identity() *client.Identity
	// EncodeData is the socket's data, as they are kept.
	EncodeData() ([]byte, error)
	// Supersede ends a socket whose session another one has.
	Supersede()
}

// Rooms are those of the sockets that are there.
type Rooms[S any] interface {
	Join(s S, rooms ...string)
	RoomsOf(s S) []string
}

// Config is what Sessions are made of. All fields are required.
type Config[S any] struct {
	// MaxDisconnection is how long a client may be away, MaxSessions how many may be, and MaxMessages how many
	// events are kept for each.
	MaxDisconnection         time.Duration
	MaxMessages, MaxSessions int
	// Detection is how long it may take until a client is noticed to be gone.
	Detection time.Duration
	Rooms     Rooms[S]
	// NewID makes private ids.
	NewID func() string
	// Unkept is told of a socket whose session ends because its data cannot be encoded.
	Unkept func(s S, err error)
}

// Sessions are those of a namespace. Safe for concurrent use.
type Sessions[S Socket] struct {
	config Config[S]
	// retention is for how long an event is of use: a client that is gone for longer does not come back.
	retention time.Duration
	// mark tells offsets of these sessions from other strings.
	mark string

	// mu is held while an event gets its number and is queued with clients: each gets events in the order of their numbers. It is
	// taken before the locks of Rooms and of sessions of package engineio, whose Send neither waits nor calls back: a client that is
	// too slow is told to OnClose, and so to Release, by another goroutine.
	mu       sync.Mutex
	number   uint64                        // of the last event; guarded by mu
	byPID    map[string]*session[S]        // guarded by mu
	bySocket map[S]*session[S]             // those whose clients are there; guarded by mu
	away     *roomindex.Index[*session[S]] // the others, in the rooms that they had; guarded by mu
	leavers  list.List                     // those that are away, the longest first; guarded by mu
	closed   bool                          // guarded by mu
}

// New returns no sessions yet.
func New[S Socket](c Config[S]) *Sessions[S] {
	return &Sessions[S]{
		config:    c,
		retention: c.MaxDisconnection + c.Detection,
		mark:      c.NewID()[:6],
		byPID:     map[string]*session[S]{},
		bySocket:  map[S]*session[S]{},
		away:      roomindex.New(func(*session[S], string, bool) {}),
	}
}

// session is guarded by the mu of its Sessions.
type session[S any] struct {
	pid string
	// takeovers is how often it has been recovered.
	takeovers int
	// socket is the client's; the zero value while it is away.
	socket S
	// left is what the socket was; nil unless the client is away.
	left *left
	// floor is the number of the last event before the session; lost that of the last that was meant for it and is not kept.
	floor, lost uint64
	events      []*Event
}

// left is what a client leaves behind.
type left struct {
	socketID string
	identity *client.Identity
	data     []byte
	expiry   *time.Timer
	// place is that of the session among the leavers.
	place *list.Element
}

// Event is shared by all sessions that it was meant for.
type Event struct {
	event.Delivery
	at time.Time
}

// Begin numbers an event. Until End no other one is: the caller queues it with the sockets that are there, and tells
// KeepEvent of each, unless it is volatile. For clients that are away it is kept.
func (k *Sessions[S]) Begin(d *event.Delivery) *Event {
	e := &Event{Delivery: *d, at: time.Now()}
	e.Receipt = nil // expects nothing here, and need not be kept
	k.mu.Lock()
	if !e.Volatile {
		k.number++
		e.Position = k.number
	}
	e.ExtraArgs = offset.Append(slices.Clip(e.ExtraArgs), k.mark, k.number)
	if !e.Volatile {
		k.away.Each(e.Rooms, e.Except, func(n *session[S]) { k.keep(n, e) })
	}
	return e
}

// End lets the next event be numbered.
func (k *Sessions[S]) End() { k.mu.Unlock() }

// KeepEvent keeps an event for a socket that is meant, between Begin and End.
func (k *Sessions[S]) KeepEvent(s S, e *Event) {
	if n := k.bySocket[s]; n != nil {
		k.keep(n, e)
	}
}

// keep is called with mu held.
func (k *Sessions[S]) keep(n *session[S], e *Event) {
	for len(n.events) > 0 && (len(n.events) >= k.config.MaxMessages || e.at.Sub(n.events[0].at) > k.retention) {
		n.lost = n.events[0].Position
		n.events[0] = nil // append moves the rest when the slice is full
		n.events = n.events[1:]
	}
	n.events = append(n.events, e)
}

// isFor tells whether an event was meant for a socket in rooms, and not for those that it was in too.
func (e *Event) isFor(rooms []string) bool {
	return e.Rooms == nil || slices.ContainsFunc(e.Rooms, func(room string) bool { return slices.Contains(rooms, room) })
}
