// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net/http/httptest"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Ids of sockets that were made without the cluster name no gateway.
func TestASocketWhoseIDNamesNoGatewayIsReached(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, nil)
	one := newGateway(t, Options{URLs: []string{ns.ClientURL()}})
	c, err := Connect(Options{Service: "default/chat", URLs: []string{ns.ClientURL()}})
	if err != nil {
		t.Fatal(err)
	}
	io, err := socketio.NewServer(socketio.Options{NewAdapter: c.NewAdapter})
	if err != nil {
		t.Fatal(err)
	}
	io.Of("/")
	hs := httptest.NewServer(io)
	t.Cleanup(func() {
		if err := io.Close(); err != nil {
			t.Error(err)
		}
		c.Close()
		hs.Close()
	})
	client, id := wiretest.Connect(t, hs.URL, sockettest.Path, "/")
	waitForPeers(t, one.cluster, 1)
	// A request finds it, and does so when its gateway has heard of everything before.
	if sockets, err := one.IO.In(id).FetchSockets(t.Context()); err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	if err := one.IO.To(id).Emit("hello"); err != nil {
		t.Fatal(err)
	}
	client.Expect(`42["hello"]`)
}
