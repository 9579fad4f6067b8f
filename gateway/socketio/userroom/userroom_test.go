// SPDX-License-Identifier: Apache-2.0

package userroom_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// Gateways of two releases, and sessions that are stored, have the same names.
func TestTheNamesOfRoomsStay(t *testing.T) {
	if got, want := userroom.Of("people", "ada"), "\x00user:VfBeJethGHTYDE5AZElVjw"; got != want {
		t.Errorf("the room of ada is %q, want %q", got, want)
	}
}

func TestUsersHaveRoomsOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, user := range [][2]string{{"people", "ada"}, {"devices", "ada"}, {"peoplea", "da"}, {"", "peopleada"}, {"people", strings.Repeat("a", 10_000)}} {
		room := userroom.Of(user[0], user[1])
		if seen[room] || !userroom.Is(room) || len(room) > 40 || strings.Contains(room, "ada") {
			t.Errorf("the room of %.20q is %q", user, room)
		}
		seen[room] = true
	}
}

func TestRoomsOfUsersAreReserved(t *testing.T) {
	own, other := userroom.Of("p", "own"), userroom.Of("p", "other")
	ofOwn := func() string { return own }
	for name, err := range map[string]error{
		"the own":             userroom.Check([]string{"a", own}, ofOwn),
		"others":              userroom.CheckNames([]string{"a", "user:a", "\x00", ""}),
		"none":                userroom.Check(nil, ofOwn),
		"none that are named": userroom.CheckNames(nil),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := userroom.Check([]string{"a", other}, ofOwn); !errors.Is(err, userroom.ErrOthers) {
		t.Errorf("another's: %v", err)
	}
	if err := userroom.Check([]string{own}, func() string { return "" }); !errors.Is(err, userroom.ErrOthers) {
		t.Errorf("somebody's, of an anonymous client: %v", err)
	}
	if err := userroom.CheckNames([]string{"a", own}); !errors.Is(err, userroom.ErrNamed) {
		t.Errorf("a name: %v", err)
	}
}
