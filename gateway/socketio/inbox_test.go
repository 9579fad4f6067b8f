// SPDX-License-Identifier: Apache-2.0

package socketio

import "testing"

func TestWhatWaitsForItsTurnIsBounded(t *testing.T) {
	var b inbox
	b.add(maxInbox - 1)
	if b.full() != nil {
		t.Error("there is no room below the bound")
	}
	b.add(1)
	room := b.full()
	if room == nil {
		t.Fatal("there is room at the bound")
	}
	b.add(10)
	closed := func() bool {
		select {
		case <-room:
			return true
		default:
			return false
		}
	}
	if b.remove(10); closed() {
		t.Error("there is room above the bound")
	}
	if !b.remove(1) || !closed() {
		t.Error("there is no room below the bound again")
	}
	if b.remove(1) {
		t.Error("somebody waits")
	}
}
