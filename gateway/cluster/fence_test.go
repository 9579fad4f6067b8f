// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"math"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A session that has left and come back is not ended by the word of the gateway where it was between.
func TestLateFenceEndsNoLaterSession(t *testing.T) {
	sessions := newSessions(nil)
	n := &session{pid: "pid", state: sessionKept, chain: chain{last: 8}}
	sessions.add(n)
	for _, number := range []uint64{7, 8} {
		sessions.fenced(&nats.Msg{Data: encodeFence("pid", number)})
	}
	if sessions.find("pid") != n {
		t.Error("the session is gone")
	}
}

func TestFence(t *testing.T) {
	for data, want := range map[string]uint64{
		string(encodeFence("pid", 12)): 12,
		"pid":                          math.MaxUint64,
		"pid.x":                        math.MaxUint64,
	} {
		if pid, number := decodeFence([]byte(data)); pid != "pid" || number != want {
			t.Errorf("%s: %s, %d", data, pid, number)
		}
	}
}

// A client that has given up its second connection before it was let in comes by a third, at the same gateway or at another.
func TestAConnectionThatIsSupersededOnItsWayInIsNotConnected(t *testing.T) {
	for name, elsewhere := range map[string]bool{"at the same gateway": false, "at another": true} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := startJetStream(t)
			one, two := recovering(t, ns), recovering(t, ns)
			third := one
			if elsewhere {
				third = two
			}
			p := arrive(t, one, "room")
			p.vanish()
			waits, goOn := make(chan struct{}), make(chan struct{})
			var calls atomic.Int64
			one.io.Use(func(*socketio.Socket) error {
				if calls.Add(1) == 1 {
					close(waits)
					<-goOn
				}
				return nil
			})
			p.ask(one)
			second := p.Wire
			<-waits
			if !p.connect(third) {
				t.Fatal("not recovered")
			}
			if elsewhere { // its word has come
				await(t, "the session is the other gateway's", func() bool { return len(one.cluster.events.sessions.all()) == 0 })
			}
			close(goOn)
			if got := second.ExpectClosed(); len(got) != 0 {
				t.Errorf("the second connection hears %s", got)
			}
			emit(t, one.io.To("room"), "n", 1)
			p.Expect(`["n",1]`)
			for _, g := range []*gateway{one, two} {
				if want := map[bool]int{true: 1, false: 0}[g == third]; g.io.Of("/").Len() != want {
					t.Errorf("a gateway has %d sockets, want %d", g.io.Of("/").Len(), want)
				}
			}
		})
	}
}
