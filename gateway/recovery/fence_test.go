// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A client that has given up its second connection before it was let in comes by a third, at the
// same gateway or at another.
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
			p.Vanish()
			waits, goOn := make(chan struct{}), make(chan struct{})
			var calls atomic.Int64
			one.IO.Use(func(*socketio.Socket) error {
				if calls.Add(1) == 1 {
					close(waits)
					<-goOn
				}
				return nil
			})
			p.Ask(one)
			second := p.Wire
			<-waits
			if !p.Connect(third) {
				t.Fatal("not recovered")
			}
			if elsewhere { // its word has come
				await(t, "the session is the other gateway's", func() bool { return one.Cluster.Sessions().Count() == 0 })
			}
			close(goOn)
			if got := second.ExpectClosed(); len(got) != 0 {
				t.Errorf("the second connection hears %s", got)
			}
			emit(t, one.IO.To("room"), "n", 1)
			p.Expect(`["n",1]`)
			for _, g := range []*gateway{one, two} {
				if want := map[bool]int{true: 1, false: 0}[g == third]; g.IO.Of("/").Len() != want {
					t.Errorf("a gateway has %d sockets, want %d", g.IO.Of("/").Len(), want)
				}
			}
		})
	}
}
