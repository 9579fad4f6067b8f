// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "strings"

// IsPattern tells whether the rule is for more than one room.
func (r *RoomRule) IsPattern() bool { return strings.Contains(r.Name, "*") }

// Matches tells whether the rule is for a room. '*' matches any run of characters, an empty one
// too; all else is itself. The time that it takes does not depend on what the room is called beyond
// its length times the pattern's.
func (r *RoomRule) Matches(room string) bool {
	first, rest, pattern := strings.Cut(r.Name, "*")
	if !pattern {
		return room == r.Name
	}
	if !strings.HasPrefix(room, first) {
		return false
	}
	room = room[len(first):]
	for {
		part, more, found := strings.Cut(rest, "*")
		if !found {
			return len(room) >= len(part) && strings.HasSuffix(room, part)
		}
		// The leftmost place is as good as any: what is behind it may be as long as it likes.
		i := strings.Index(room, part)
		if i < 0 {
			return false
		}
		room, rest = room[i+len(part):], more
	}
}
