// SPDX-License-Identifier: Apache-2.0

package event

import "slices"

// Target says which sockets of a namespace are meant.
type Target struct {
	// Rooms are those whose members are meant; nil means the whole namespace, and empty nobody.
	Rooms []string
	// Except are rooms whose members are left out.
	Except []string
	// Local means sockets of this server alone.
	Local bool
}

// With adds rooms whose members are meant. No rooms at all, in place of the whole namespace, mean nobody.
func (t Target) With(rooms []string) Target {
	if t.Rooms = appendNew(t.Rooms, rooms); t.Rooms == nil {
		t.Rooms = []string{}
	}
	return t
}

// Without adds rooms whose members are left out.
func (t Target) Without(rooms []string) Target {
	t.Except = appendNew(t.Except, rooms)
	return t
}

// Once is the target with each of its rooms named once.
func (t Target) Once() Target {
	if len(t.Rooms) > 1 {
		t.Rooms = appendNew(nil, t.Rooms)
	}
	return t
}

// Nobody reports whether rooms were asked for, but none was named.
func (t *Target) Nobody() bool { return t.Rooms != nil && len(t.Rooms) == 0 }

// appendNew copies list and adds what it lacks, so that no two values share memory.
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
