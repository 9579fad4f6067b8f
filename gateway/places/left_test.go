// SPDX-License-Identifier: Apache-2.0

package places

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// at keeps the places of one room, in which a socket is. All sockets of these tests have one id.
func at(t *testing.T, room string) (*Keeper, *socketio.Socket) {
	t.Helper()
	k := New(behind{t})
	capacity := func(string) int { return 1 }
	k.capacity.Store(&capacity)
	s := &socketio.Socket{}
	k.Joined(s, room)
	return k, s
}

// places returns who is in the room, whose place waits there, and how many sockets are leaving.
func (k *Keeper) counted(room string) (members, away, leaving int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.rooms[room]; r != nil {
		members, away = len(r.members), len(r.away)
	}
	return members, away, len(k.leaving)
}

func TestAFormerSocketThatLeavesLate(t *testing.T) {
	for name, returns := range map[string]bool{"for good": false, "for a while": true} {
		t.Run(name, func(t *testing.T) {
			k, former := at(t, "table")
			next := &socketio.Socket{}
			k.Joined(next, "table")
			if returns {
				k.Leaves(former)
			}
			k.Left(former, "table")
			k.HasLeft(former)
			if members, away, _ := k.counted("table"); members != 1 || away != 0 {
				t.Errorf("%d members, and %d are away", members, away)
			}
			k.Left(next, "table")
			if members, away, _ := k.counted("table"); members != 0 || away != 0 {
				t.Errorf("when it has left, %d members, and %d are away", members, away)
			}
		})
	}
}

// A former socket that leaves does not take what was reserved for the next one.
func TestAReservationIsTheNextSockets(t *testing.T) {
	k, former := at(t, "table")
	k.Left(former, "table")
	if err := k.Take("", Wish{"table", 1})[0]; err != nil {
		t.Fatal(err)
	}
	k.Left(former, "table")
	if members, _, _ := k.counted("table"); members != 1 {
		t.Errorf("%d members", members)
	}
}

// Who is told of a socket's return may be late, and keeps nothing of it then.
func TestASocketThatHasLeftIsForgotten(t *testing.T) {
	k, s := at(t, "table")
	k.Returns(s, func() bool { return true })
	if _, _, leaving := k.counted("table"); leaving != 1 {
		t.Errorf("%d are leaving", leaving)
	}
	k.capacity.Store(nil) // the manifest has changed
	k.HasLeft(s)
	if _, _, leaving := k.counted("table"); leaving != 0 {
		t.Errorf("%d are leaving when it has left", leaving)
	}
	k, s = at(t, "table")
	k.Returns(s, func() bool { return false })
	if _, _, leaving := k.counted("table"); leaving != 0 {
		t.Errorf("%d are leaving that had left", leaving)
	}
}
