// SPDX-License-Identifier: Apache-2.0

package socketio

import "testing"

func nothing() {}

func TestPacketsThatWaitForTheirTurnAreBounded(t *testing.T) {
	var s serial
	s.begin()
	s.suspend()
	if s.next() != nil {
		t.Fatal("something is next while a handler is suspended")
	}
	n := 0
	for s.later.left+1000 <= maxLeft {
		if !s.leavePacket(nothing, 1000) {
			t.Fatal("the turn is free")
		}
		n++
	}
	blocked := make(chan bool)
	go func() { blocked <- s.leavePacket(nothing, 1000) }()
	waits := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.later.room != nil
	}
	for !waits() {
		select {
		case <-blocked:
			t.Fatal("what is beyond the bound does not wait")
		default:
		}
	}
	if !s.resume(nothing) {
		t.Fatal("the turn is not who resumes")
	}
	for f := s.next(); f != nil; f = s.next() {
		n--
	}
	if left := <-blocked; left {
		for f := s.next(); f != nil; f = s.next() {
			n--
		}
		n++
	}
	if n != 0 || s.later != nil {
		t.Errorf("%d packets are not handled, and %v is left", n, s.later)
	}
}
