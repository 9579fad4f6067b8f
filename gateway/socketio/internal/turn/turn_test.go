// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"slices"
	"testing"
)

// rest runs what is left, for who has the turn.
func rest(t *Turn) {
	for f, _ := t.Next(); f != nil; f, _ = t.Next() {
		f()
	}
}

func TestFunctionsRunInOrderWhoeverRunsThem(t *testing.T) {
	var turn Turn
	var ran []int
	leave := func(n int) {
		if !turn.Leave(func() { ran = append(ran, n) }, 0) {
			t.Fatalf("%d is not left, while the turn is taken", n)
		}
	}
	if !turn.Begin() || turn.Begin() {
		t.Fatal("the turn is not had by one")
	}
	leave(1)
	turn.Suspend()
	leave(2)
	if turn.Resume(func() { ran = append(ran, 0) }) {
		t.Fatal("it goes on before the function that is suspended has returned")
	}
	rest(&turn)
	if want := []int{0, 1, 2}; !slices.Equal(ran, want) || !turn.Free() {
		t.Errorf("ran %v, want %v; free: %t", ran, want, turn.Free())
	}
}

func TestWhoResumesRunsTheRest(t *testing.T) {
	var turn Turn
	turn.Begin()
	turn.Suspend()
	rest(&turn)
	ran := false
	if turn.Begin() || !turn.Leave(func() { ran = true }, 0) || ran {
		t.Fatal("the turn is free while a function is suspended")
	}
	if !turn.Resume(nil) {
		t.Fatal("who resumes does not have the turn")
	}
	if rest(&turn); !ran || !turn.Free() {
		t.Error("what was left has not run")
	}
	if turn.Leave(nil, 0) {
		t.Error("a function is left to nobody")
	}
}

func TestAFunctionIsLeftBeforeTheOthers(t *testing.T) {
	var turn Turn
	if turn.LeaveFirst(nil) {
		t.Fatal("a function is left to nobody")
	}
	var ran []int
	turn.Leave(func() { ran = append(ran, 2) }, 1)
	turn.LeaveFirst(func() { ran = append(ran, 1) })
	if rest(&turn); !slices.Equal(ran, []int{1, 2}) || !turn.Free() {
		t.Errorf("ran %v; free: %t", ran, turn.Free())
	}
}
