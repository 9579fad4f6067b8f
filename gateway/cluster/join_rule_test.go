// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

var errSecret = errors.New("the room is secret")

func noSecrets(_ *socketio.Socket, rooms []string) error {
	if slices.ContainsFunc(rooms, func(room string) bool { return strings.HasPrefix(room, "secret") }) {
		return errSecret
	}
	return nil
}

func (g *gateway) wantRooms(t *testing.T, s *socketio.Socket, want ...string) {
	t.Helper()
	rooms := slices.DeleteFunc(s.Rooms(), func(room string) bool { return room == s.ID() })
	slices.Sort(rooms)
	if !slices.Equal(rooms, want) {
		t.Errorf("the socket is in %v, want %v", rooms, want)
	}
}

func TestAnotherGatewayDoesNotGetAroundAJoinRule(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	two.io.Of("/").SetJoinRule(noSecrets)
	_, near := one.client(t)
	_, far := two.client(t)
	for _, rooms := range [][]string{{"open"}, {"secret"}, {"secret", "more"}} {
		if err := one.io.SocketsJoin(t.Context(), rooms...); err != nil {
			t.Error(err)
		}
	}
	one.wantRooms(t, near, "more", "open", "secret")
	two.wantRooms(t, far, "open")
	sockets, err := one.io.In(far.ID()).FetchSockets(t.Context())
	if err != nil || len(sockets) != 1 {
		t.Fatal(sockets, err)
	}
	if err := sockets[0].Join(t.Context(), "secret"); err != nil {
		t.Error(err)
	}
	two.wantRooms(t, far, "open")
}
