// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
)

func TestAnotherGatewayDoesNotGetAroundAJoinRule(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one, two := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	waitForPeers(t, one.cluster, 1)
	two.IO.Of("/").SetJoinRule(sockettest.NoSecrets)
	_, near := one.Client(t)
	_, far := two.Client(t)
	for _, rooms := range [][]string{{"open"}, {"secret"}, {"secret", "more"}} {
		if err := one.IO.SocketsJoin(t.Context(), rooms...); err != nil {
			t.Error(err)
		}
	}
	sockettest.WantRooms(t, near, "more", "open", "secret")
	sockettest.WantRooms(t, far, "open")
	sockets, err := one.IO.In(far.ID()).FetchSockets(t.Context())
	if err != nil || len(sockets) != 1 {
		t.Fatal(sockets, err)
	}
	if err := sockets[0].Join(t.Context(), "secret"); err != nil {
		t.Error(err)
	}
	sockettest.WantRooms(t, far, "open")
}
