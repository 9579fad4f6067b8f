// SPDX-License-Identifier: Apache-2.0

// Package roomindex indexes members by room, and rooms by member. It knows neither sockets nor
// events: package socketio adds locks, watchers and deliveries.
//
// Most rooms are those of socket ids, with one member each, and some have all sockets of a gateway.
// Broadcasts walk the members far more often than rooms change. Therefore a room keeps its members
// in a slice, and an index of their places in the slice only if they are many; a map for each room
// would take more memory for small rooms, and more time to walk.
//
// Invariants: a room is in the index while it has members; a member is in the index from its first
// Join until LeaveAll; each change is reported exactly once, in order.
package roomindex

import (
	"iter"
	"slices"
)

// fewMembers is the number of members up to which a room has no index, since visiting all takes no
// longer.
const fewMembers = 8

// Index has the rooms of members. Not safe for concurrent use, except for methods that change
// nothing among themselves.
type Index[M comparable] struct {
	// rooms and joined are each other's inverse. A room without members is in neither.
	rooms   map[string]*room[M]
	joined  map[M][]*room[M]
	changed func(m M, name string, joined bool)
}

// New returns an empty index. It calls changed, in order, for each member that joins or leaves a
// room.
func New[M comparable](changed func(m M, name string, joined bool)) *Index[M] {
	return &Index[M]{rooms: map[string]*room[M]{}, joined: map[M][]*room[M]{}, changed: changed}
}

// Join puts a member into rooms. It is a member of the index from then on, even without a room.
func (x *Index[M]) Join(m M, names ...string) {
	joined, ok := x.joined[m]
	if !ok {
		joined = make([]*room[M], 0, len(names))
	}
	for _, name := range names {
		rm := x.rooms[name]
		if rm == nil {
			rm = &room[M]{name: name}
			x.rooms[name] = rm
		}
		if rm.has(m) {
			continue
		}
		rm.add(m)
		joined = append(joined, rm)
		x.changed(m, name, true)
	}
	x.joined[m] = joined
}

// Leave removes a member from a room.
func (x *Index[M]) Leave(m M, name string) {
	joined, rm := x.joined[m], x.rooms[name]
	if rm == nil || !rm.has(m) {
		return
	}
	i, last := slices.Index(joined, rm), len(joined)-1
	joined[i] = joined[last]
	joined[last] = nil
	x.joined[m] = joined[:last]
	x.remove(m, rm)
}

// LeaveAll removes a member from all its rooms and from the index.
func (x *Index[M]) LeaveAll(m M) {
	for _, rm := range x.joined[m] {
		x.remove(m, rm)
	}
	delete(x.joined, m)
}

func (x *Index[M]) remove(m M, rm *room[M]) {
	rm.remove(m)
	if len(rm.members) == 0 {
		delete(x.rooms, rm.name)
	}
	x.changed(m, rm.name, false)
}

// Len returns the number of members.
func (x *Index[M]) Len() int { return len(x.joined) }

// RoomsOf lists the rooms of a member, in no order.
func (x *Index[M]) RoomsOf(m M) []string {
	names := make([]string, 0, len(x.joined[m]))
	for _, rm := range x.joined[m] {
		names = append(names, rm.name)
	}
	return names
}

// CountRooms returns the number of a member's rooms.
func (x *Index[M]) CountRooms(m M) int { return len(x.joined[m]) }

// Names lists the rooms, in no order.
func (x *Index[M]) Names() []string {
	names := make([]string, 0, len(x.rooms))
	for name := range x.rooms {
		names = append(names, name)
	}
	return names
}

// Rooms iterates over all rooms and their members, in no order. The members are valid until the
// next change.
func (x *Index[M]) Rooms() iter.Seq2[string, []M] {
	return func(yield func(string, []M) bool) {
		for name, rm := range x.rooms {
			if !yield(name, rm.members) {
				return
			}
		}
	}
}

// Members returns the members of a room, in no order, valid until the next change; none if there is
// no such room.
func (x *Index[M]) Members(name string) []M {
	if rm := x.rooms[name]; rm != nil {
		return rm.members
	}
	return nil
}

// IsIn reports whether a member is in a room.
func (x *Index[M]) IsIn(m M, name string) bool {
	rm := x.rooms[name]
	return rm != nil && rm.has(m)
}

// Each calls do once for every member of any of the rooms, except members of those in except. Nil
// rooms select all members. do must not change the index.
func (x *Index[M]) Each(rooms, except []string, do func(M)) {
	var few [4]*room[M] // so that most calls allocate nothing
	skipped := few[:0]
	for _, name := range except {
		if rm := x.rooms[name]; rm != nil {
			skipped = append(skipped, rm)
		}
	}
	if rooms == nil {
		for m := range x.joined {
			if !inAny(m, skipped) {
				do(m)
			}
		}
		return
	}
	for _, name := range rooms {
		rm := x.rooms[name]
		if rm == nil {
			continue
		}
		for _, m := range rm.members {
			if !inAny(m, skipped) {
				do(m)
			}
		}
		skipped = append(skipped, rm) // its members have been called
	}
}

func inAny[M comparable](m M, rooms []*room[M]) bool {
	for _, rm := range rooms {
		if rm.has(m) {
			return true
		}
	}
	return false
}

type room[M comparable] struct {
	name    string
	members []M
	// index has the places of the members; nil as long as there have always been few.
	index map[M]int
}

func (rm *room[M]) has(m M) bool { return rm.find(m) >= 0 }

func (rm *room[M]) find(m M) int {
	if rm.index == nil {
		return slices.Index(rm.members, m)
	}
	if i, ok := rm.index[m]; ok {
		return i
	}
	return -1
}

func (rm *room[M]) add(m M) {
	if rm.index == nil && len(rm.members) == fewMembers {
		rm.index = make(map[M]int, 2*fewMembers)
		for i, member := range rm.members {
			rm.index[member] = i
		}
	}
	if rm.index != nil {
		rm.index[m] = len(rm.members)
	}
	rm.members = append(rm.members, m)
}

func (rm *room[M]) remove(m M) {
	i, last := rm.find(m), len(rm.members)-1
	moved := rm.members[last]
	var none M
	rm.members[i], rm.members[last] = moved, none
	rm.members = rm.members[:last]
	if rm.index != nil {
		rm.index[moved] = i
		delete(rm.index, m)
	}
}
