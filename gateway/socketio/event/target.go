// SPDX-License-Identifier: Apache-2.0

package event

import "slices"

// Target selects sockets of a namespace.
type Target struct {
	// Rooms selects the members of these rooms; nil selects the whole namespace, and an empty list
	// nobody.
	Rooms []string
	// Except excludes the members of these rooms.
	Except []string
	// Local selects only sockets of this server.
	Local bool
}

// With adds rooms whose members are selected. Adding no room to the whole namespace selects nobody.
func (t Target) With(rooms []string) Target {
	if t.Rooms = appendNew(t.Rooms, rooms); t.Rooms == nil {
		t.Rooms = []string{}
	}
	return t
}

// Without adds rooms whose members are excluded.
func (t Target) Without(rooms []string) Target {
	t.Except = appendNew(t.Except, rooms)
	return t
}

// Once returns the target without repeated rooms.
func (t Target) Once() Target {
	if len(t.Rooms) > 1 {
		t.Rooms = appendNew(nil, t.Rooms)
	}
	return t
}

// Nobody reports whether the list of rooms is empty, but not nil.
func (t *Target) Nobody() bool { return t.Rooms != nil && len(t.Rooms) == 0 }

// appendNew returns a copy of list with what it lacks of more, so that no two values share memory.
func appendNew(list, more []string) []string {
	if len(list)+len(more) == 0 {
		return nil
	}
	out := make([]string, len(list), len(list)+len(more))
	copy(out, list)
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
