// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestWhatNamesAGateway(t *testing.T) {
	id := "gateway1" + strings.Repeat("a", 16)
	sessionID := id + strings.Repeat("-", SessionMACLength)
	for name, tt := range map[string]struct {
		room, want string
	}{
		"a socket's id":                              {id, id},
		"what a 2.x client takes for it":             {sessionID, sessionID},
		"the same in a namespace":                    {"/chat#" + sessionID, sessionID},
		"a socket's id behind a namespace":           {"/chat#" + id, ""},
		"a session's id behind what is no namespace": {"chat#" + sessionID, ""},
		"something in between":                       {id + "aaaa", ""},
		"a room of another kind":                     {strings.Repeat(" ", socketIDLength), ""},
		"a room of a long name":                      {strings.Repeat("a", 41), ""},
		"a room without any name":                    {"", ""},
	} {
		gateway, named, ok := ownerOfRoom(tt.room)
		if ok != (tt.want != "") || ok && (gateway != "gateway1" || named != tt.want) {
			t.Errorf("%s: gateway %q, id %q, %v", name, gateway, named, ok)
		}
	}
}

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
	client, id := wiretest.Connect(t, hs.URL, path, "/")
	waitForPeers(t, one.cluster, 1)
	// A request finds it, and does so when its gateway has heard of everything before.
	if sockets, err := one.io.In(id).FetchSockets(t.Context()); err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	if err := one.io.To(id).Emit("hello"); err != nil {
		t.Fatal(err)
	}
	client.Expect(`42["hello"]`)
}
