// SPDX-License-Identifier: Apache-2.0

package bounds

import "testing"

func TestWhatWaitsForItsTurnIsBounded(t *testing.T) {
	var b Inbox
	b.Add(MaxInbox - 1)
	if b.Full() != nil {
		t.Error("there is no room below the bound")
	}
	b.Add(1)
	room := b.Full()
	if room == nil {
		t.Fatal("there is room at the bound")
	}
	b.Add(10)
	closed := func() bool {
		select {
		case <-room:
			return true
		default:
			return false
		}
	}
	if b.Remove(10); closed() {
		t.Error("there is room above the bound")
	}
	if !b.Remove(1) || !closed() {
		t.Error("there is no room below the bound again")
	}
	if b.Remove(1) {
		t.Error("somebody waits")
	}
}
