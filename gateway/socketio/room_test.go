// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Rooms of few members and of many, as they come and go.
func TestRoomsKnowTheirMembers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sockets := make([]*Socket, 3*fewMembers)
	for i := range sockets {
		sockets[i] = &Socket{}
	}
	names := []string{"a", "b", "c"}
	r := NewRooms()
	want := map[string]map[*Socket]bool{"a": {}, "b": {}, "c": {}}
	for step := range 5000 {
		s, name := sockets[random.IntN(len(sockets))], names[random.IntN(len(names))]
		switch random.IntN(8) {
		case 0:
			r.LeaveAll(s)
			for _, members := range want {
				delete(members, s)
			}
		case 1, 2, 3:
			r.Leave(s, name)
			delete(want[name], s)
		default:
			r.Join(s, name)
			want[name][s] = true
		}
		for name, members := range want {
			var got []*Socket
			r.visit(&Target{Rooms: []string{name}}, func(s *Socket) { got = append(got, s) })
			if len(got) != len(members) || slices.ContainsFunc(got, func(s *Socket) bool { return !members[s] }) || r.Has(name) != (len(members) > 0) {
				t.Fatalf("step %d: %d members of %s, want %d", step, len(got), name, len(members))
			}
		}
		in := r.RoomsOf(s)
		slices.Sort(in)
		for name := range maps.Keys(want) {
			if slices.Contains(in, name) != want[name][s] {
				t.Fatalf("step %d: the socket is in %v", step, in)
			}
		}
	}
}
