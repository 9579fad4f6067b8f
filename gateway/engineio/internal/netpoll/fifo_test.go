// SPDX-License-Identifier: Apache-2.0

package netpoll

import "testing"

func TestAQueueThatNeverEmptiesKeepsItsSize(t *testing.T) {
	var f fifo[int]
	pushed, taken := 0, 0
	push := func(n int) {
		for range n {
			f.push(pushed)
			pushed++
		}
	}
	push(10)
	room := make([]int, 3)
	for range 1000 {
		push(3)
		if first := f.first(); first != taken {
			t.Fatalf("%d is first, want %d", first, taken)
		}
		for _, got := range room[:f.take(room)] {
			if got != taken {
				t.Fatalf("took %d, want %d", got, taken)
			}
			taken++
		}
	}
	if f.len() != 10 || cap(f.items) > 64 {
		t.Errorf("%d items in room for %d", f.len(), cap(f.items))
	}
	for f.len() > 0 {
		f.take(room)
	}
	for _, left := range f.items[:cap(f.items)] {
		if left != 0 {
			t.Errorf("%d is kept", left)
		}
	}
}
