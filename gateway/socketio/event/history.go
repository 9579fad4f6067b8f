// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"errors"
	"time"
)

// RoomPolicy says how an Adapter that stores events treats a room. The zero value is that of rooms of which nothing is
// asked but recovery.
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

// HasHistory tells whether anything of the room is kept.
func (p RoomPolicy) HasHistory() bool { return p.HistoryMessages > 0 && p.HistoryAge > 0 }

// RoomPolicies is an Adapter that treats rooms by policies, as that of package cluster does with recovery.
type RoomPolicies interface {
	// SetRoomPolicy says how the rooms of the namespace are treated from now on.
	SetRoomPolicy(policy func(room string) RoomPolicy)
}

// RoomHistory is an Adapter that keeps histories of rooms, as that of package cluster does with recovery.
type RoomHistory interface {
	// History is what is kept of a room: the newest events with a revision below before, in order. Before 0
	// stands for all. There are at most limit of them, and as many as fit into maxBytes; but always one, and
	// where limit allows it, one more than fits, which tells that there are more. Its error is ErrNoHistory
	// for a room of which nothing is kept.
	History(ctx context.Context, room string, before uint64, limit, maxBytes int) ([]PastEvent, error)
}

// ErrNoHistory is the error for a room of which nothing is kept.
var ErrNoHistory = errors.New("the room has no history")

// PastEvent is an event of a room's history.
type PastEvent struct {
	Event    string
	Args     Args
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
