// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "strings"

// IsPattern reports whether the rule is for more than one room.
func (r *RoomRule) IsPattern() bool { return strings.Contains(r.Name, "*") }

// Matches reports whether the rule is for a room. '*' matches any run of characters, including an
// empty one; all other characters match themselves. The time is at most proportional to the length
// of the name times the length of the pattern.
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
		// The leftmost match is as good as any: '*' matches whatever is left after it.
		i := strings.Index(room, part)
		if i < 0 {
			return false
		}
		room, rest = room[i+len(part):], more
	}
}
