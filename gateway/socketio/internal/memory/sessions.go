// SPDX-License-Identifier: Apache-2.0

// Package memory keeps the sessions of a single server in its memory: the sockets, and what they
// miss while their clients are away. It does not deliver events to connected sockets; package
// socketio does.
//
// The target of an event is resolved when it is emitted, for clients that are away as for connected
// ones: rooms and exceptions are those of that moment, and a busy room takes no space from the
// members of a quiet one.
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

// Socket is a connected client.
type Socket interface {
	comparable
	ID() string
	Identity() *client.Identity
	// EncodeData returns the socket's data in the form in which they are stored.
	EncodeData() ([]byte, error)
	// Supersede ends a socket whose session another one has taken over.
	Supersede()
}

// Rooms are the rooms of connected sockets.
type Rooms[S any] interface {
	Join(s S, rooms ...string)
	RoomsOf(s S) []string
}

// Config has the settings of Sessions. All fields are required.
type Config[S any] struct {
	// MaxDisconnection is how long a client may be away, MaxSessions how many clients may be away,
	// and MaxMessages how many events are stored for each.
	MaxDisconnection         time.Duration
	MaxMessages, MaxSessions int
	// Detection is the longest time until a lost connection is noticed.
	Detection time.Duration
	Rooms     Rooms[S]
	// NewID makes private ids.
	NewID func() string
	// Unkept is called with a socket whose session ends because its data cannot be encoded.
	Unkept func(s S, err error)
}

// Sessions are the sessions of a namespace. Safe for concurrent use.
type Sessions[S Socket] struct {
	config Config[S]
	// retention is how long an event is of use: a client that has been away for longer does not
	// come back.
	retention time.Duration
	// mark distinguishes offsets of these sessions from other strings.
	mark string

	// mu is held while an event gets its number and is queued for clients, so that each client
	// receives events in the order of their numbers. It is taken before the locks of Rooms and of
	// package engineio's sessions, whose Send neither blocks nor calls back: OnClose learns of a
	// client that is too slow, and so does Release, in another goroutine.
	mu       sync.Mutex
	number   uint64                        // of the last event; guarded by mu
	byPID    map[string]*session[S]        // guarded by mu
	bySocket map[S]*session[S]             // of connected sockets; guarded by mu
	away     *roomindex.Index[*session[S]] // the others, in their former rooms; guarded by mu
	leavers  list.List                     // sessions that are away, the longest first; guarded by mu
	closed   bool                          // guarded by mu
}

// New returns an empty set of sessions.
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
	// socket is the client's socket; the zero value while the client is away.
	socket S
	// left is what the socket has left behind; nil unless the client is away.
	left *left
	// floor is the number of the last event before the session. lost is the number of the last
	// event for it that is not stored.
	floor, lost uint64
	events      []*Event
}

// left is what a client leaves behind.
type left struct {
	socketID string
	identity *client.Identity
	data     []byte
	expiry   *time.Timer
	// place is the session's place among the leavers.
	place *list.Element
}

// Event is an event that is shared by all sessions for which it is stored.
type Event struct {
	event.Delivery
	at time.Time
}

// Begin numbers an event. No other event is numbered before End: the caller queues it for the
// connected targets and calls KeepEvent for each of them, unless it is volatile. Begin itself
// stores it for clients that are away.
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

// KeepEvent stores an event for a connected target, between Begin and End.
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

// isFor reports whether a socket in these rooms is a target of the event.
func (e *Event) isFor(rooms []string) bool {
	return e.Rooms == nil || slices.ContainsFunc(e.Rooms, func(room string) bool { return slices.Contains(rooms, room) })
}
