// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Namespace stores the sessions of a Socket.IO namespace, and the histories of its rooms. Together
// with a Base, whose other methods complete it, it is a socketio.SessionKeeper. Safe for concurrent
// use.
type Namespace struct {
	owner   *Sessions
	base    Base
	history *history.Rooms
	// policy returns the policy of a room; nil stands for the zero policy.
	policy atomic.Pointer[func(room string) socketio.RoomPolicy]
}

var (
	_ eventlog.Namespace    = &Namespace{}
	_ history.Source        = &Namespace{}
	_ socketio.RoomPolicies = &Namespace{}
	_ socketio.RoomHistory  = &Namespace{}
)

// NewNamespace returns a Namespace that stores sessions.
func (s *Sessions) NewNamespace(base Base) *Namespace {
	ns := &Namespace{owner: s, base: base}
	ns.history = history.NewRooms(s.log, ns, s.histories)
	return ns
}

// Join puts a socket into rooms, sends it their histories as far as it receives them, and returns
// when the log has stored the change.
func (ns *Namespace) Join(s *socketio.Socket, rooms ...string) {
	n := ns.sessionOf(s)
	if n == nil {
		ns.base.Join(s, rooms...)
		return
	}
	if past := ns.newWithHistory(s, rooms); len(past) > 0 {
		ns.joinWithHistory(s, rooms, past, n)
		return
	}
	ns.base.Join(s, rooms...)
	if err := n.saveRooms(rooms...); err != nil && !errors.Is(err, errSessionOver) {
		ns.owner.logger.Warn("a socket's rooms are not safe yet from the loss of this gateway", s.LogAttr(), "error", err)
	}
}

// JoinWaits reports whether Join has to wait for NATS or JetStream.
func (ns *Namespace) JoinWaits(s *socketio.Socket, rooms ...string) bool {
	return ns.sessionOf(s) != nil || ns.base.JoinWaits(s, rooms...)
}

// Leave removes a socket from a room.
func (ns *Namespace) Leave(s *socketio.Socket, room string) {
	if !ns.base.Rooms().Contains(s, room) {
		return // the session that is stored has not changed
	}
	ns.base.Leave(s, room)
	if n := ns.sessionOf(s); n != nil {
		n.touch(room)
		n.save()
	}
}

// LeaveAll releases the session of a socket that has recovered it, but whose connection was lost
// before it was connected. Otherwise the session would never end, since a gateway stores its
// sessions again and again.
func (ns *Namespace) LeaveAll(s *socketio.Socket) {
	if ns.sessionOf(s) != nil {
		ns.base.KeepPlaces(s)
		ns.Release(s, true)
	}
	ns.base.LeaveAll(s)
}

// Unused is called when this gateway has unsubscribed from a room.
func (ns *Namespace) Unused(room string) { ns.history.Forget(room) }

// SetRoomPolicy sets the policies of the namespace's rooms from now on.
func (ns *Namespace) SetRoomPolicy(policy func(room string) socketio.RoomPolicy) {
	ns.policy.Store(&policy)
}

// Policy returns the policy of a room.
func (ns *Namespace) Policy(room string) socketio.RoomPolicy {
	if policy := ns.policy.Load(); policy != nil {
		return (*policy)(room)
	}
	return socketio.RoomPolicy{}
}

// History returns events of a room's history; see socketio.RoomHistory.
func (ns *Namespace) History(ctx context.Context, room string, before uint64, limit, maxBytes int) ([]socketio.PastEvent, error) {
	if !ns.Policy(room).HasHistory() {
		return nil, socketio.ErrNoHistory
	}
	messages, _, err := ns.history.Read(ctx, room, eventlog.End)
	if err != nil {
		return nil, fmt.Errorf("read the history of a room: %w", err)
	}
	var events []socketio.PastEvent
	bytes, full := 0, false
	for _, m := range slices.Backward(messages) {
		if before != 0 && m.Sequence >= before {
			continue
		}
		if len(events) == limit || full {
			break
		}
		if e, ok := ns.pastEvent(m); ok {
			events = append(events, e)
			bytes += e.Size()
			full = bytes > maxBytes && len(events) > 1
		}
	}
	slices.Reverse(events)
	return events, nil
}

// HistoryAfter returns the events of a room's history after one of them; see socketio.RoomHistory.
func (ns *Namespace) HistoryAfter(
	ctx context.Context, room string, after uint64, limit, maxBytes int,
) (events []socketio.PastEvent, reaches bool, err error) {
	if !ns.Policy(room).HasHistory() {
		return nil, false, socketio.ErrNoHistory
	}
	messages, _, err := ns.history.Read(ctx, room, eventlog.End)
	if err != nil {
		return nil, false, fmt.Errorf("read the history of a room: %w", err)
	}
	bytes, full := 0, false
	for _, m := range messages {
		reaches = reaches || m.Sequence == after
		if m.Sequence <= after {
			continue
		}
		if len(events) == limit || full {
			break
		}
		if e, ok := ns.pastEvent(m); ok {
			events = append(events, e)
			bytes += e.Size()
			full = bytes > maxBytes && len(events) > 1
		}
	}
	return events, reaches, nil
}

// NewestRevision asks the log's leader; see socketio.RoomHistory.
func (ns *Namespace) NewestRevision(ctx context.Context, room string) (uint64, error) {
	subjects := ns.base.Subjects()
	newest, err := ns.owner.log.Latest(ctx, subjects.Stored(subjects.Room(room)))
	switch {
	case errors.Is(err, eventlog.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read the newest event of a room: %w", err)
	}
	return newest.Sequence, nil
}

func (ns *Namespace) pastEvent(m *eventlog.Message) (socketio.PastEvent, bool) {
	decoded, err := ns.owner.host.Decode(m.Data)
	if err != nil {
		return socketio.PastEvent{}, false
	}
	event, args, err := ns.base.Namespace().DecodeEvent(&decoded.Delivery)
	if err != nil {
		ns.owner.host.MalformedEvent()
		return socketio.PastEvent{}, false
	}
	return socketio.PastEvent{Event: event, Args: args, Revision: m.Sequence, Time: m.Time}, true
}

// The following methods implement eventlog.Namespace and history.Source.

// Subjects returns the subjects of the namespace.
func (ns *Namespace) Subjects() wire.Subjects { return ns.base.Subjects() }

// Rooms returns the rooms of the namespace, with their members on this gateway.
func (ns *Namespace) Rooms() *socketio.Rooms { return ns.base.Rooms() }

// Has reports whether a room has a member here.
func (ns *Namespace) Has(room string) bool { return ns.base.Rooms().Has(room) }

// Decode decodes an event.
func (ns *Namespace) Decode(data []byte) (*wire.Message, error) { return ns.owner.host.Decode(data) }

// Advance stores the sequence of an event.
func (ns *Namespace) Advance(subject string, sequence uint64) (before uint64) {
	return ns.base.Advance(subject, sequence)
}

// KeepFor returns how long the longest history among the rooms is.
func (ns *Namespace) KeepFor(rooms []string) (keep time.Duration) {
	for _, room := range rooms {
		if p := ns.Policy(room); p.HasHistory() {
			keep = max(keep, p.HistoryAge)
		}
	}
	return keep
}

// Stored adds an event to the histories of its rooms.
func (ns *Namespace) Stored(rooms []string, m eventlog.Message) { ns.history.Add(rooms, m) }

// IsRevised reports whether an event for rooms carries its revision.
func (ns *Namespace) IsRevised(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return ns.Policy(room).Revisions })
}

// Gap clears the histories, which have the same gap as the delivered events.
func (ns *Namespace) Gap() { ns.history.Clear() }

// StartOver clears the histories of the lost log.
func (ns *Namespace) StartOver() {
	ns.base.StartOver()
	ns.history.Clear()
}

// ReleaseAll ends the sessions of members that have missed events.
func (ns *Namespace) ReleaseAll(members []*socketio.Socket) {
	for _, s := range members {
		if n := ns.sessionOf(s); n != nil {
			n.release(false)
		}
	}
}

func (ns *Namespace) sessionOf(s *socketio.Socket) *session { return ns.owner.of(s) }
