// SPDX-License-Identifier: Apache-2.0

package socketio

import "slices"

// fewMembers is up to how many a room has no index of its members: to look at each takes no longer then, and most rooms are those of
// sockets' ids, with one member each.
const fewMembers = 8

// room keeps its members in a slice, since a broadcast walks it far more often than it changes. The lock of Rooms guards it.
type room struct {
	name    string
	members []*Socket
	// index is where the members are; nil while they have always been few.
	index map[*Socket]int
}

func (rm *room) has(s *Socket) bool { return rm.find(s) >= 0 }

func (rm *room) find(s *Socket) int {
	if rm.index == nil {
		return slices.Index(rm.members, s)
	}
	if i, ok := rm.index[s]; ok {
		return i
	}
	return -1
}

func (rm *room) add(s *Socket) {
	if rm.index == nil && len(rm.members) == fewMembers {
		rm.index = make(map[*Socket]int, 2*fewMembers)
		for i, member := range rm.members {
			rm.index[member] = i
		}
	}
	if rm.index != nil {
		rm.index[s] = len(rm.members)
	}
	rm.members = append(rm.members, s)
}

func (rm *room) remove(s *Socket) {
	i, last := rm.find(s), len(rm.members)-1
	moved := rm.members[last]
	rm.members[i], rm.members[last] = moved, nil
	rm.members = rm.members[:last]
	if rm.index != nil {
		rm.index[moved] = i
		delete(rm.index, s)
	}
}
