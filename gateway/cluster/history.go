// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// RoomPolicy says how the log treats a room. The zero value is that of rooms of which nothing is asked but recovery.
type RoomPolicy struct {
	// Revisions gives each event of the room one argument more, {"revision": n}: its place in the one order in which all
	// members get the room's events. It is greater than that of the event before it, not by one.
	Revisions bool
	// HistoryMessages and HistoryAge are how much of the room is kept for those who come later; none if either is zero.
	HistoryMessages int
	HistoryAge      time.Duration
	// HistoryOnJoin sends it to each socket that joins, as the events that it consists of, before any later one of the room.
	HistoryOnJoin bool
}

func (p RoomPolicy) hasHistory() bool { return p.HistoryMessages > 0 && p.HistoryAge > 0 }

// ErrNoHistory is the error for a room of which nothing is kept.
var ErrNoHistory = errors.New("the room has no history")

// SetRoomPolicy says how the log treats the rooms of a namespace, from now on. It does nothing for an adapter that has no log.
func SetRoomPolicy(a socketio.Adapter, policy func(room string) RoomPolicy) {
	if k, ok := a.(keeper); ok {
		k.policy.Store(&policy)
	}
}

func (a *adapter) policyOf(room string) RoomPolicy {
	if policy := a.policy.Load(); policy != nil {
		return (*policy)(room)
	}
	return RoomPolicy{}
}

// PastEvent is an event of a room's history.
type PastEvent struct {
	Event    string
	Args     socketio.Args
	Revision uint64
	Time     time.Time
}

// Size is about what the event takes in memory, in bytes.
func (e *PastEvent) Size() int {
	n := len(e.Event) + len(e.Args.JSON)
	for _, a := range e.Args.Attachments {
		n += len(a)
	}
	return n
}

// History is what is kept of a room: the newest events with a revision below before, in order. Before 0
// stands for all. There are at most limit of them, and as many as fit into maxBytes; but always one, and
// where limit allows it, one more than fits, which tells that there are more. Its error is ErrNoHistory
// for a room of which nothing is kept.
func History(ctx context.Context, a socketio.Adapter, room string, before uint64, limit, maxBytes int) ([]PastEvent, error) {
	k, ok := a.(keeper)
	if !ok || !k.policyOf(room).hasHistory() {
		return nil, ErrNoHistory
	}
	messages, _, err := k.history.read(ctx, k.adapter, room, maxNumber)
	if err != nil {
		return nil, fmt.Errorf("read the history of a room: %w", err)
	}
	var events []PastEvent
	bytes, full := 0, false
	for _, m := range slices.Backward(messages) {
		if before != 0 && m.number >= before {
			continue
		}
		if len(events) == limit || full {
			break
		}
		if e, ok := k.pastEvent(m); ok {
			events = append(events, e)
			bytes += e.Size()
			full = bytes > maxBytes && len(events) > 1
		}
	}
	slices.Reverse(events)
	return events, nil
}

func (k keeper) pastEvent(m *storedMessage) (PastEvent, bool) {
	decoded, err := k.cluster.decode(m.data)
	if err != nil {
		k.cluster.metrics.malformed.Inc()
		return PastEvent{}, false
	}
	event, args, err := k.namespace.DecodeEvent(&decoded.Delivery)
	if err != nil {
		k.cluster.metrics.malformed.Inc()
		return PastEvent{}, false
	}
	return PastEvent{Event: event, Args: args, Revision: m.number, Time: m.time}, true
}

// histories are what is kept of the rooms that this gateway has members in: read once, and then kept up to date by what comes
// in. So who joins costs the log nothing, however many they are. Safe for concurrent use.
type histories struct {
	// cache bounds what they take; nil for an adapter without a log.
	cache *historyCache
	mu    sync.Mutex
	rooms map[string]*roomHistory // guarded by mu
	reach reaches
}

// roomHistory is that of one room.
type roomHistory struct {
	owner *histories
	room  string
	// cached is guarded by the lock of the cache.
	cached cached
	// reading is held while the log is read.
	reading sync.Mutex

	mu       sync.Mutex
	messages []*storedMessage // in order; guarded by mu
	complete bool             // what was there before the room was watched has been read; guarded by mu
	head     uint64           // the last message that was there then; guarded by mu
	// joins are the numbers behind which what comes in is held for sockets that join: it stays until they have it. Guarded by mu.
	joins []uint64
	// isEvicted: the cache had no room for it. Who has yet to send a part of it reads it again. Guarded by mu.
	isEvicted bool
}

// watch begins to keep a room's history.
func (h *histories) watch(room string) *roomHistory {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[room]
	if r == nil {
		if h.rooms == nil {
			h.rooms = map[string]*roomHistory{}
		}
		r = &roomHistory{owner: h, room: room}
		h.rooms[room] = r
		h.cache.add(r)
	}
	return r
}

// forget ends it, when the gateway does not hear of the room any more. Nobody is in the room: who has left it
// before the history was sent does not get it, and does not keep it here.
func (h *histories) forget(room string) {
	h.mu.Lock()
	r := h.rooms[room]
	delete(h.rooms, room)
	h.mu.Unlock()
	if r != nil {
		h.cache.remove(r)
		r.drop(false)
	}
}

// evicted is told by the cache that it has taken a room out.
func (h *histories) evicted(r *roomHistory) {
	h.mu.Lock()
	if h.rooms[r.room] == r {
		delete(h.rooms, r.room)
	}
	h.mu.Unlock()
	r.drop(true)
}

func (r *roomHistory) drop(evicted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages, r.isEvicted = nil, evicted
}

func (h *histories) find(room string) *roomHistory {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[room]
}

// clear forgets all, for a log that begins anew. Who has a part to send keeps it.
func (h *histories) clear() {
	h.mu.Lock()
	rooms := h.rooms
	h.rooms = nil
	h.mu.Unlock()
	for _, r := range rooms {
		h.cache.remove(r)
	}
}

// add takes a message that has come in. It runs in dispatch.
func (h *histories) add(a *adapter, rooms []string, m storedMessage) {
	for _, room := range rooms {
		if r := h.find(room); r != nil {
			r.add(m, a.policyOf(room))
		}
	}
}

func (r *roomHistory) add(m storedMessage, p RoomPolicy) {
	r.mu.Lock()
	by := r.insert(&m) - r.trim(p)
	r.mu.Unlock()
	r.owner.cache.grown(r, by)
}

// insert is called with the lock held, and returns how many bytes it takes. Messages come in order but for those that are read later.
func (r *roomHistory) insert(m *storedMessage) int {
	i, found := slices.BinarySearchFunc(r.messages, m.number, compareStored)
	if found {
		return 0
	}
	r.messages = slices.Insert(r.messages, i, m)
	return m.size()
}

func (m *storedMessage) size() int { return len(m.data) + len(m.subject) + storedMessageBytes }

func compareStored(m *storedMessage, number uint64) int { return int(int64(m.number) - int64(number)) }

// trim drops what is no longer part of the history, and returns how many bytes that was. It is called with the lock held, for each
// message that comes in, so it moves nothing.
func (r *roomHistory) trim(p RoomPolicy) (bytes int) {
	n := p.begin(r.messages)
	for _, since := range r.joins {
		n = min(n, behind(r.messages, since))
	}
	for _, m := range r.messages[:n] {
		bytes += m.size()
	}
	clear(r.messages[:n]) // the array outlives them
	r.messages = r.messages[n:]
	return bytes
}

// begin is the index of the first of a room's messages that is part of its history.
func (p RoomPolicy) begin(messages []*storedMessage) int {
	n := max(0, len(messages)-p.HistoryMessages)
	oldest := time.Now().Add(-p.HistoryAge)
	for n < len(messages) && messages[n].time.Before(oldest) {
		n++
	}
	return n
}

// behind is the index of the first message behind a number.
func behind(messages []*storedMessage, number uint64) int {
	if number == maxNumber {
		return len(messages)
	}
	n, _ := slices.BinarySearchFunc(messages, number+1, compareStored)
	return n
}

// of is where the history of a room is kept, for somebody who calls done when it is read.
func (h *histories) of(a *adapter, room string) (r *roomHistory, done func()) {
	for a.rooms.Has(room) {
		if r = h.watch(room); h.cache.use(r) {
			return r, func() { h.cache.done(r) }
		}
	}
	return &roomHistory{owner: h, room: room}, func() {} // nobody here hears of it
}

// read is the history of a room as of now, with all that has come in behind a number, and where it is kept.
func (h *histories) read(ctx context.Context, a *adapter, room string, since uint64) ([]*storedMessage, *roomHistory, error) {
	r, done := h.of(a, room)
	defer done()
	messages, head, err := r.read(ctx, a, room, since)
	if err != nil {
		return nil, nil, err
	}
	messages, err = h.cut(ctx, a, room, messages, head)
	return messages, r, err
}

// read returns the messages, and the number of the last message that the log had on the room's two subjects when they were
// read.
func (r *roomHistory) read(ctx context.Context, a *adapter, room string, since uint64) (messages []*storedMessage, head uint64, err error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	policy := a.policyOf(room)
	r.mu.Lock()
	complete := r.complete
	r.mu.Unlock()
	if !complete {
		if err := r.load(ctx, a, room, policy); err != nil {
			return nil, 0, err
		}
	}
	r.mu.Lock()
	r.complete = true
	trimmed := r.trim(policy)
	first := min(policy.begin(r.messages), behind(r.messages, since))
	messages, head = slices.Clone(r.messages[first:]), r.head
	r.mu.Unlock()
	r.owner.cache.grown(r, -trimmed)
	return messages, head, nil
}

// join has a room keep what comes in behind a number, and the cache the room, until done.
func (h *histories) join(room string, since uint64) (done func()) {
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

// historyReadsAtOnce bounds the histories that are being read, each with an answer of the log of up to fetchBatchBytes and room for
// its messages. Others wait, which takes a stack.
const historyReadsAtOnce = 8

func (l *eventLog) beginHistoryRead(ctx context.Context) (done func(), err error) {
	select {
	case l.historyReads <- struct{}{}:
		return func() { <-l.historyReads }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other histories to be read: %w", ctx.Err())
	}
}

// load reads what was stored before the room was watched: on the room's own subject, and among what went to several rooms at
// once.
func (r *roomHistory) load(ctx context.Context, a *adapter, room string, policy RoomPolicy) error {
	take := func(m storedMessage) error {
		r.saw(m.number)
		if d, err := a.cluster.decode(m.data); err == nil && slices.Contains(d.Delivery.Rooms, room) {
			r.add(m, policy)
		}
		return nil
	}
	release, err := a.cluster.events.beginHistoryRead(ctx)
	if err != nil {
		return err
	}
	defer release()
	for _, subject := range []string{a.subjects.Room(room), a.subjects.All()} {
		if err := a.cluster.events.scan(ctx, a.subjects.Stored(subject), 1, maxNumber, take); err != nil {
			return err
		}
	}
	return nil
}

func (r *roomHistory) saw(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.head = max(r.head, number)
}
