// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"testing"
	"time"
)

func TestAnEventIsKeptUntilNobodyCouldHaveMissedIt(t *testing.T) {
	k := newMemoryKeeper(&Recovery{MaxDisconnection: time.Minute}, 45*time.Second)
	s := &Socket{}
	n := &memorySession{}
	k.bySocket[s] = n
	begin := time.Now()
	for i, age := range []time.Duration{0, 10 * time.Second, 105 * time.Second, 115 * time.Second, 116 * time.Second} {
		k.keepEvent(s, &keptEvent{Delivery: Delivery{Position: uint64(i) + 1}, at: begin.Add(age)})
		if want := []int{1, 2, 3, 3, 3}[i]; len(n.events) != want {
			t.Errorf("at %s there are %d events, want %d", age, len(n.events), want)
		}
		if want := []uint64{0, 0, 0, 1, 2}[i]; n.lost != want {
			t.Errorf("at %s the last that is not kept is %d, want %d", age, n.lost, want)
		}
	}
}
