// SPDX-License-Identifier: Apache-2.0

package service

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A client is in as many rooms as the manifest lets it, whoever puts it there.
func TestNothingGetsAroundTheBoundsOfRooms(t *testing.T) {
	const rooms = `
  - name: /
    rooms: [{name: a, autoJoin: true}, {name: b, autoJoin: true}]
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "socket.rooms.filter(r, r != socket.id)"}]}
    - {event: exit, do: [{leave: "args[0]"}, {ack: "[]"}]}
`
	p := program(t, rooms)
	p.limits.Rooms = 3
	r, url := runtimeOf(t, p)
	c := connect(t, url)
	failed := func() float64 { return testutil.ToFloat64(r.failures.WithLabelValues("/")) }
	in := func(want ...string) {
		t.Helper()
		c.Send(`429["exit","nothing"]`) // which is handled behind autoJoin
		c.Expect(`439[]`)
		sockets, err := r.io.FetchSockets(t.Context())
		if err != nil || len(sockets) != 1 {
			t.Fatal(sockets, err)
		}
		rooms := slices.DeleteFunc(sockets[0].Rooms, func(room string) bool { return room == sockets[0].ID })
		slices.Sort(rooms)
		if !slices.Equal(rooms, want) {
			t.Errorf("the client is in %.100q, want %q", rooms, want)
		}
	}
	put := func(rooms ...string) {
		t.Helper()
		if err := r.io.SocketsJoin(t.Context(), rooms...); err != nil {
			t.Error(err)
		}
	}
	in("a", "b")
	put(strings.Repeat("r", r.io.Limits().RoomNameBytes+1))
	put("c", "d")
	in("a", "b")
	put("c")
	in("a", "b", "c")
	put("d")
	c.Send(`420["enter","d"]`)
	c.Expect(`430[{"error":"the service could not handle the event"}]`)
	in("a", "b", "c")
	c.Send(`421["exit","c"]`)
	c.Expect(`431[]`)
	put("d", "a")
	in("a", "b", "d")
	if n := failed(); n != 1 {
		t.Errorf("%v handlers have failed", n)
	}
	c.Close()

	p = program(t, rooms)
	p.limits.Rooms = 1
	r, url = runtimeOf(t, p)
	c = connect(t, url)
	in()
	if n := failed(); n != 1 {
		t.Errorf("%v failures, and autoJoin has more rooms than a client may be in", n)
	}
}
