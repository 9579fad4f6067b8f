// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// lastRecord is what the log has of a client's session.
func lastRecord(p *person, g *gateway) (*record, uint64) {
	p.T.Helper()
	r, number, err := g.Cluster.Sessions().ReadSession(p.T.Context(), wire.SessionSubject("default/chat", p.PID))
	if err != nil {
		p.T.Fatal(err)
	}
	return r, number
}

// A client that middlewares refuse changes nothing of the session that it asks for: its client
// keeps it, and it ends when it would have ended.
func TestRow53ARefusedReturnLeavesTheSessionAsItWas(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeer(t, one, two)
	two.IO.Use(func(*socketio.Socket) error { return errors.New("not here") })
	for _, away := range []bool{false, true} {
		p := arrive(t, one, "room")
		p.Settled()
		if away {
			p.Vanish()
			await(t, "it is known to be away", func() bool { r, _ := lastRecord(p, one); return r.Gone != 0 })
		}
		before, number := lastRecord(p, one)
		p.Ask(two)
		p.Wire.Expect(`44{"message":"not here"}`)
		after, last := lastRecord(p, one)
		if last != number || after.Gone != before.Gone || after.Gateway != one.Cluster.ID() {
			t.Errorf("away %t: the record %d with gone %d of %s has become %d with gone %d of %s", away,
				number, before.Gone, before.Gateway, last, after.Gone, after.Gateway)
		}
		if held := two.Cluster.Sessions().Count(); held != 0 {
			t.Errorf("away %t: the gateway that has refused holds %d sessions", away, held)
		}
		if !away && !p.Socket.Connected() {
			t.Error("the session's client is not connected any more")
		}
		if !p.Connect(one) {
			t.Errorf("away %t: not recovered", away)
		}
	}
}

// A socket that has recovered its session, and then finds no namespace to be in, is away again.
func TestRow53AReturnToANamespaceThatIsRemovedHoldsNoSession(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two := recovering(t, ns), recovering(t, ns)
	waitForPeer(t, one, two)
	p := arrive(t, one, "room")
	p.Vanish()
	two.IO.Use(func(*socketio.Socket) error {
		two.IO.RemoveNamespace("/")
		return nil
	})
	p.Ask(two)
	p.Wire.Expect(`44{"message":"Invalid namespace"}`)
	await(t, "nothing is held", func() bool {
		r, _ := lastRecord(p, one)
		return two.Cluster.Sessions().Count() == 0 && r.Gone != 0
	})
	if !p.Connect(one) {
		t.Error("not recovered")
	}
}

// A private id is good for its own session, in its own namespace, until the client has been away
// for too long.
func TestRow53WhatAPrivateIDIsGoodFor(t *testing.T) {
	checkNothingIsLeft(t)
	sessions := recovering(t, startJetStream(t)).Cluster.Sessions()
	away := sessions.Config().MaxDisconnection
	for name, tt := range map[string]struct {
		record record
		want   error
	}{
		"a client that is there":        {record{Namespace: "/"}, nil},
		"one that is away":              {record{Namespace: "/", Gone: ago(away / 2)}, nil},
		"one that is away for too long": {record{Namespace: "/", Gone: ago(away + time.Second)}, socketio.ErrSessionEnded},
		"one that has left":             {record{Namespace: "/", Ended: true}, socketio.ErrSessionEnded},
		"one of another namespace":      {record{Namespace: "/other"}, socketio.ErrSessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			err := sessions.FindError(t.Context(), "pid", "/", func(context.Context, string) (*record, uint64, error) {
				return &tt.record, 1, nil
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want %v", err, tt.want)
			}
		})
	}
}

// ago is a time as records have it.
func ago(d time.Duration) int64 { return time.Now().Add(-d).UnixMilli() }
