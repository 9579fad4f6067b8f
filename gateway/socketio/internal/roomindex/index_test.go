// SPDX-License-Identifier: Apache-2.0

package roomindex

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// member is not of size 0, so that each has an address of its own.
type member struct{ _ byte }

// Rooms of few members and of many, as they come and go.
func TestRoomsKnowTheirMembers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sockets := make([]*member, 3*fewMembers)
	for i := range sockets {
		sockets[i] = &member{}
	}
	names := []string{"a", "b", "c"}
	inRoom := map[string]int{} // by what changed has told
	r := New(func(_ *member, name string, joined bool) {
		if joined {
			inRoom[name]++
		} else {
			inRoom[name]--
		}
	})
	want := map[string]map[*member]bool{"a": {}, "b": {}, "c": {}}
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
			var got []*member
			r.Each([]string{name}, nil, func(s *member) { got = append(got, s) })
			if len(got) != len(members) || slices.ContainsFunc(got, func(s *member) bool { return !members[s] }) ||
				(r.Members(name) != nil) != (len(members) > 0) || inRoom[name] != len(members) {
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

func TestEachIsCalledOnce(t *testing.T) {
	r := New(func(string, string, bool) {})
	r.Join("1", "a", "b")
	r.Join("2", "b", "c")
	r.Join("3", "c")
	r.Join("4")
	for _, tt := range []struct {
		name                string
		rooms, except, want []string
	}{
		{"all members", nil, nil, []string{"1", "2", "3", "4"}},
		{"all but those of a room", nil, []string{"b"}, []string{"3", "4"}},
		{"nobody", []string{}, nil, nil},
		{"members of two rooms", []string{"a", "b", "c"}, nil, []string{"1", "2", "3"}},
		{"a room that is named twice", []string{"c", "c"}, nil, []string{"2", "3"}},
		{"rooms that are not there", []string{"x", "a"}, []string{"y"}, []string{"1"}},
		{"more rooms than a few", []string{"a", "c"}, []string{"x", "1", "2", "3", "4", "a"}, []string{"2", "3"}},
	} {
		var got []string
		r.Each(tt.rooms, tt.except, func(m string) { got = append(got, m) })
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// BenchmarkEach walks a room for a broadcast of one of its members to the others.
func BenchmarkEach(b *testing.B) {
	for _, size := range []int{1, 8, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			r := New(func(*member, string, bool) {})
			for i := range size {
				r.Join(&member{}, "room", strconv.Itoa(i))
			}
			rooms, except := []string{"room"}, []string{"0"}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				r.Each(rooms, except, func(*member) { n++ })
			}
			if n != b.N*(size-1) {
				b.Errorf("%d calls in %d walks", n, b.N)
			}
		})
	}
}

// BenchmarkJoin is a member that comes and goes.
func BenchmarkJoin(b *testing.B) {
	for _, size := range []int{1, 8, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			r := New(func(*member, string, bool) {})
			for range size {
				r.Join(&member{}, "room")
			}
			m := &member{}
			b.ReportAllocs()
			for b.Loop() {
				r.Join(m, "own")
				r.Join(m, "room")
				r.LeaveAll(m)
			}
		})
	}
}
