// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"
	"time"
)

// RoomPolicy is how an Adapter that stores events treats a room. With the zero value it stores them
// for recovery only.
type RoomPolicy struct {
	// Revisions gives each event of the room one more argument, {"revision": n}: its place in the
	// one order in which all members receive the room's events. Each revision is greater than the
	// one before, but not by one.
	Revisions bool
	// HistoryMessages and HistoryAge bound the room's history; there is none if either is zero.
	HistoryMessages int
	HistoryAge      time.Duration
	// HistoryOnJoin sends the history to each socket that joins, as events, before any later one of
	// the room.
	HistoryOnJoin bool
	// HistoryTo tells whether the socket of an id is sent it; nil: all are.
	HistoryTo func(id string) bool
}

// HasHistory reports whether the room has a history.
func (p RoomPolicy) HasHistory() bool { return p.HistoryMessages > 0 && p.HistoryAge > 0 }

// SendsHistory reports whether the socket of an id is sent the room's history when it joins.
func (p RoomPolicy) SendsHistory(id string) bool {
	return p.HasHistory() && p.HistoryOnJoin && (p.HistoryTo == nil || p.HistoryTo(id))
}

// RoomPolicies is an Adapter that treats rooms by policies, like that of package cluster with
// recovery.
type RoomPolicies interface {
	// SetRoomPolicy sets the policies of the namespace's rooms from now on.
	SetRoomPolicy(policy func(room string) RoomPolicy)
}

// RoomHistory is an Adapter that stores histories of rooms, like that of package cluster with
// recovery.
type RoomHistory interface {
	// History returns the newest events of a room with a revision below before, in order; if before
	// is 0, the newest of all. It returns at most limit events, and as many as fit into maxBytes,
	// but at least one. If limit allows it, it returns one more than fits, which means that there
	// are more. The error is ErrNoHistory for a room without a history.
	History(ctx context.Context, room string, before uint64, limit, maxBytes int) ([]PastEvent, error)
	// HistoryAfter returns the oldest events of a room with a revision above after, with the same
	// bounds. It reports whether the event with that revision is still there, so that none is
	// missing between.
	HistoryAfter(ctx context.Context, room string, after uint64, limit, maxBytes int) (events []PastEvent, reaches bool, err error)
	// NewestRevision returns that of the newest event that was sent to a room alone; 0: there is
	// none.
	NewestRevision(ctx context.Context, room string) (uint64, error)
}

// ErrNoHistory is returned for a room without a history.
var ErrNoHistory = errors.New("the room has no history")

// PastEvent is an event of a room's history.
type PastEvent struct {
	Event    string
	Args     Args
	Revision uint64
	Time     time.Time
}

// Size returns the approximate size of the event in memory, in bytes.
func (e *PastEvent) Size() int {
	n := len(e.Event) + len(e.Args.JSON)
	for _, a := range e.Args.Attachments {
		n += len(a)
	}
	return n
}
