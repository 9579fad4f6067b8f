// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Source is the namespace of the rooms. Its methods may be called from any goroutine.
type Source interface {
	Subjects() wire.Subjects
	// Has reports whether a room has a member on this gateway, which then receives the room's
	// events.
	Has(room string) bool
	// Policy returns the policy of a room, which bounds its history.
	Policy(room string) socketio.RoomPolicy
	// Decode decodes an event of the log. It counts malformed events.
	Decode(data []byte) (*wire.Message, error)
}

// Rooms has the histories of the rooms of a namespace with members on this gateway: read once, and
// then kept up to date by new events. So a socket that joins costs the log nothing, however many
// do. Safe for concurrent use.
type Rooms struct {
	log    *eventlog.Log
	source Source
	// cache bounds their memory.
	cache *Cache
	mu    sync.Mutex
	rooms map[string]*Room // guarded by mu
	reach reaches
}

// NewRooms returns Rooms without a history.
func NewRooms(log *eventlog.Log, source Source, cache *Cache) *Rooms {
	return &Rooms{log: log, source: source, cache: cache, rooms: map[string]*Room{}}
}

// Room is the history of one room.
type Room struct {
	owner *Rooms
	room  string
	// cached is guarded by the lock of the cache.
	cached cached
	// reading is held while the log is read.
	reading sync.Mutex

	mu       sync.Mutex
	messages []*eventlog.Message // in order; guarded by mu
	complete bool                // what was stored before the room was watched has been read; guarded by mu
	head     uint64              // the last message that existed then; guarded by mu
	// joins are the sequences after which new events are held for joining sockets: the events stay
	// until these have received them. Guarded by mu.
	joins []uint64
	// isEvicted reports whether the cache had no room for it. A socket that has yet to be sent a
	// part reads it again. Guarded by mu.
	isEvicted bool
}

// watch begins to keep a room's history.
func (h *Rooms) watch(room string) *Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[room]
	if r == nil {
		r = &Room{owner: h, room: room}
		h.rooms[room] = r
		h.cache.add(r)
	}
	return r
}

// Forget ends that, when the gateway has unsubscribed from the room. The room has no members: a
// socket that has left it before the history was sent does not receive it, and does not keep it
// here.
func (h *Rooms) Forget(room string) {
	h.mu.Lock()
	r := h.rooms[room]
	delete(h.rooms, room)
	h.mu.Unlock()
	if r != nil {
		h.cache.remove(r)
		r.drop(false)
	}
}

// evicted is called when the cache has removed a room.
func (h *Rooms) evicted(r *Room) {
	h.mu.Lock()
	if h.rooms[r.room] == r {
		delete(h.rooms, r.room)
	}
	h.mu.Unlock()
	r.drop(true)
}

func (r *Room) drop(evicted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages, r.isEvicted = nil, evicted
}

// Keeps reports whether a room's history is kept now.
func (h *Rooms) Keeps(room string) bool { return h.find(room) != nil }

func (h *Rooms) find(room string) *Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[room]
}

// Clear drops all histories, for a log that starts over. A socket that is being sent a part keeps
// it.
func (h *Rooms) Clear() {
	h.mu.Lock()
	rooms := h.rooms
	h.rooms = map[string]*Room{}
	h.mu.Unlock()
	for _, r := range rooms {
		h.cache.remove(r)
	}
}

// Add adds a new event, in order.
func (h *Rooms) Add(rooms []string, m eventlog.Message) {
	for _, room := range rooms {
		if r := h.find(room); r != nil {
			r.add(m, h.source.Policy(room))
		}
	}
}

func (r *Room) add(m eventlog.Message, p socketio.RoomPolicy) {
	r.mu.Lock()
	by := r.insert(&m) - r.trim(p)
	r.mu.Unlock()
	r.owner.cache.grown(r, by)
}

// insert is called with the lock held, and returns the size of the message. Messages come in order,
// except those that are read later.
func (r *Room) insert(m *eventlog.Message) int {
	i, found := slices.BinarySearchFunc(r.messages, m.Sequence, compareStored)
	if found {
		return 0
	}
	r.messages = slices.Insert(r.messages, i, m)
	return size(m)
}

// size returns the size of a message in bytes.
func size(m *eventlog.Message) int { return len(m.Data) + len(m.Subject) + storedMessageBytes }

func compareStored(m *eventlog.Message, number uint64) int {
	return int(int64(m.Sequence) - int64(number))
}

// trim drops messages that are no longer part of the history, and returns their size. It is called
// with the lock held, for each new message, so it moves nothing.
func (r *Room) trim(p socketio.RoomPolicy) (bytes int) {
	n := Begin(p, r.messages)
	for _, since := range r.joins {
		n = min(n, Behind(r.messages, since))
	}
	for _, m := range r.messages[:n] {
		bytes += size(m)
	}
	clear(r.messages[:n]) // the array outlives them
	r.messages = r.messages[n:]
	return bytes
}

// Begin returns the index of the first of a room's messages that is part of its history.
func Begin(p socketio.RoomPolicy, messages []*eventlog.Message) int {
	n := max(0, len(messages)-p.HistoryMessages)
	oldest := time.Now().Add(-p.HistoryAge)
	for n < len(messages) && messages[n].Time.Before(oldest) {
		n++
	}
	return n
}

// Behind returns the index of the first message after a sequence.
func Behind(messages []*eventlog.Message, number uint64) int {
	if number == eventlog.End {
		return len(messages)
	}
	n, _ := slices.BinarySearchFunc(messages, number+1, compareStored)
	return n
}

// of returns the Room that keeps the history of a room, for a caller that calls done after reading
// it.
func (h *Rooms) of(room string) (r *Room, done func()) {
	for h.source.Has(room) {
		if r = h.watch(room); h.cache.use(r) {
			return r, func() { h.cache.done(r) }
		}
	}
	return &Room{owner: h, room: room}, func() {} // the gateway does not receive its events
}

// Read returns the present history of a room, with all events after a sequence, and the Room that
// keeps it.
func (h *Rooms) Read(ctx context.Context, room string, since uint64) ([]*eventlog.Message, *Room, error) {
	r, done := h.of(room)
	defer done()
	messages, head, err := r.read(ctx, since)
	if err != nil {
		return nil, nil, err
	}
	messages, err = h.cut(ctx, room, messages, head)
	return messages, r, err
}

// read returns the messages, and the sequence of the last message that the log had on the room's
// two subjects when they were read.
func (r *Room) read(ctx context.Context, since uint64) (messages []*eventlog.Message, head uint64, err error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	policy := r.owner.source.Policy(r.room)
	r.mu.Lock()
	complete := r.complete
	r.mu.Unlock()
	if !complete {
		if err := r.load(ctx, policy); err != nil {
			return nil, 0, err
		}
	}
	r.mu.Lock()
	r.complete = true
	trimmed := r.trim(policy)
	first := min(Begin(policy, r.messages), Behind(r.messages, since))
	messages, head = slices.Clone(r.messages[first:]), r.head
	r.mu.Unlock()
	r.owner.cache.grown(r, -trimmed)
	return messages, head, nil
}

// Join keeps a room in the cache, and its events after a sequence in the room, until done.
func (h *Rooms) Join(room string, since uint64) (done func()) {
	r := h.watch(room)
	for !h.cache.use(r) {
		r = h.watch(room)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joins = append(r.joins, since)
	return func() {
		r.mu.Lock()
		i := slices.Index(r.joins, since)
		r.joins = slices.Delete(r.joins, i, i+1)
		r.mu.Unlock()
		h.cache.done(r)
	}
}

// readsAtOnce bounds the histories that are read at the same time, each with an answer of the log
// of up to 4 MiB and space for its messages. Others wait, which takes a stack.
const readsAtOnce = 8

// beginRead waits for its turn to read the log.
func (c *Cache) beginRead(ctx context.Context) (done func(), err error) {
	select {
	case c.reads <- struct{}{}:
		return func() { <-c.reads }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other histories to be read: %w", ctx.Err())
	}
}

// load reads what was stored before the room was watched: on the room's own subject, and among the
// events for several rooms.
func (r *Room) load(ctx context.Context, policy socketio.RoomPolicy) error {
	h, room := r.owner, r.room
	take := func(m eventlog.Message) error {
		r.saw(m.Sequence)
		if d, err := h.source.Decode(m.Data); err == nil && slices.Contains(d.Delivery.Rooms, room) {
			r.add(m, policy)
		}
		return nil
	}
	release, err := h.cache.beginRead(ctx)
	if err != nil {
		return err
	}
	defer release()
	for _, subject := range []string{h.source.Subjects().Room(room), h.source.Subjects().All()} {
		if err := h.log.Scan(ctx, h.source.Subjects().Stored(subject), 1, eventlog.End, take); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) saw(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.head = max(r.head, number)
}
