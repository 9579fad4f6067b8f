// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Neither the rooms nor what was sent to them, nor a room that it had left before, nor the record
// that is stored then.
func TestRow53AClientComesBackToTheRoomsThatItMayBeIn(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeer(t, one, two)
	p := arrive(t, one, "open", "secret", "secret left", "left")
	emit(t, p.Socket, "n", 0)
	p.Expect(`["n",0]`)
	for _, room := range []string{"secret left", "left"} {
		emit(t, one.IO.To(room), "n", room) // which the client does not read
		p.Wire.Receive()
		p.Socket.Leave(room)
	}
	p.Settled()
	p.Vanish()
	emit(t, one.IO.To("open"), "n", 1)
	emit(t, one.IO.To("secret"), "n", "secret")
	emit(t, one.IO.To("secret", "open"), "n", 2)
	emit(t, one.IO.To("secret", "secret left"), "n", "secret")
	emit(t, one.IO, "n", 3)
	one.Stored(t)
	two.IO.Of("/").SetJoinRule(sockettest.NoSecrets)
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n","left"]`, `["n",1]`, `["n",2]`, `["n",3]`)
	sockettest.WantRooms(t, p.Socket, "open")
	r, _ := lastRecord(p, two)
	for room := range r.Rooms {
		if strings.HasPrefix(room, "secret") {
			t.Errorf("the log has the room %s", room)
		}
	}
	for room := range r.Left {
		if strings.HasPrefix(room, "secret") {
			t.Errorf("the log has the room %s, which was left", room)
		}
	}
}

// A room without a place for the client is lost to it, and one that it had left before is not asked
// for a place.
func TestAClientComesBackToTheRoomsThatHaveAPlaceForIt(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeer(t, one, two)
	p := arrive(t, one, "open", "full", "full, left")
	emit(t, one.IO.To("full, left"), "n", 1) // which the client does not read
	p.Wire.Receive()
	p.Socket.Leave("full, left")
	p.Settled()
	p.Vanish()
	emit(t, one.IO.To("full"), "n", "full")
	emit(t, one.IO.To("open"), "n", 2)
	one.Stored(t)
	var asked []string
	times := 0
	two.IO.Of("/").SetPlaces(&socketio.Places{
		Take: func(_ *socketio.Socket, rooms []string) []error {
			asked = append(asked, rooms...)
			times++
			errs := make([]error, len(rooms))
			if i := slices.Index(rooms, "full"); i >= 0 {
				errs[i] = errors.New("the room is full")
			}
			return errs
		},
		GiveBack: func(_ *socketio.Socket, rooms []string) { t.Errorf("%q are given back", rooms) },
	})
	if !p.Connect(two) {
		t.Fatal("not recovered")
	}
	p.Missed(`["n",1]`, `["n",2]`)
	sockettest.WantRooms(t, p.Socket, "open")
	slices.Sort(asked)
	if want := []string{"full", "open"}; !slices.Equal(asked, want) || times != 1 {
		t.Errorf("places are taken in %q, %d times, want %q, once", asked, times, want)
	}
}
