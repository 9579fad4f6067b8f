// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/client"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

// socket is one of whom nothing is asked.
type socket struct{}

func (*socket) ID() string                  { return "" }
func (*socket) Identity() *client.Identity  { return nil }
func (*socket) EncodeData() ([]byte, error) { return nil, nil }
func (*socket) Supersede()                  {}

func TestAnEventIsKeptUntilNobodyCouldHaveMissedIt(t *testing.T) {
	k := &Sessions[*socket]{config: Config[*socket]{MaxMessages: 1000}, retention: time.Minute + 45*time.Second}
	n := &session[*socket]{}
	begin := time.Now()
	for i, age := range []time.Duration{0, 10 * time.Second, 105 * time.Second, 115 * time.Second, 116 * time.Second} {
		k.keep(n, &Event{Delivery: event.Delivery{Position: uint64(i) + 1}, at: begin.Add(age)})
		if want := []int{1, 2, 3, 3, 3}[i]; len(n.events) != want {
			t.Errorf("at %s there are %d events, want %d", age, len(n.events), want)
		}
		if want := []uint64{0, 0, 0, 1, 2}[i]; n.lost != want {
			t.Errorf("at %s the last that is not kept is %d, want %d", age, n.lost, want)
		}
	}
}
