// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// identifying is a gateway whose clients say who they are.
func identifying(t *testing.T, claims string, ns ...*gateway) {
	t.Helper()
	for _, g := range ns {
		g.IO.Use(func(s *socketio.Socket) error {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token == "" {
				return err
			}
			return s.SetIdentity(socketio.Identity{Provider: "tokens", User: auth.Token, Claims: json.RawMessage(claims)})
		})
	}
}

func TestRow53AnotherUserGetsNoSessionOnAnyGateway(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeer(t, one, two)
	identifying(t, `{"on":"one"}`, one)
	identifying(t, `{"on":"two"}`, two)
	p := &person{Guest: wiretest.Guest{T: t, Token: "ann"}}
	p.Connect(one)
	p.Socket.Join("room")
	p.Settled()
	p.Vanish()
	thief := &person{Guest: wiretest.Guest{T: t, Token: "bob", PID: p.PID, SID: p.SID}}
	if thief.Connect(two) || len(thief.Socket.Rooms()) != 1 || thief.Socket.Identity().User != "bob" {
		t.Fatalf("another user is recovered: %+v in %v", thief.Socket.Identity(), thief.Socket.Rooms())
	}
	if !p.Connect(two) {
		t.Fatal("the user is not recovered")
	}
	want := &socketio.Identity{Provider: "tokens", User: "ann", Claims: json.RawMessage(`{"on":"two"}`)}
	if diff := cmp.Diff(want, p.Socket.Identity()); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	if r, _ := lastRecord(p, two); cmp.Diff(want, r.Identity) != "" {
		t.Errorf("the log has %+v", r.Identity)
	}
}
