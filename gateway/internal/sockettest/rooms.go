// SPDX-License-Identifier: Apache-2.0

package sockettest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// NoSecrets is a JoinRule that refuses rooms whose names begin with secret.
func NoSecrets(_ *socketio.Socket, rooms []string) error {
	if slices.ContainsFunc(rooms, func(room string) bool { return strings.HasPrefix(room, "secret") }) {
		return errors.New("the room is secret")
	}
	return nil
}

// WantRooms wants a socket to be in these rooms, which are sorted, and in no others but its own.
func WantRooms(t *testing.T, s *socketio.Socket, want ...string) {
	t.Helper()
	rooms := slices.DeleteFunc(s.Rooms(), func(room string) bool { return room == s.ID() })
	slices.Sort(rooms)
	if !slices.Equal(rooms, want) {
		t.Errorf("the socket is in %v, want %v", rooms, want)
	}
}
