// SPDX-License-Identifier: Apache-2.0

package roll

import "testing"

func TestTheLastOneOutOfARetiredNamespaceIsTold(t *testing.T) {
	var r Roll[int]
	r.Enter()
	r.Enter()
	if !r.Add("a", 1) {
		t.Fatal("a is not let in")
	}
	if members, unused := r.Retire(); len(members) != 1 || unused {
		t.Errorf("members %v, unused %v", members, unused)
	}
	if r.Enter() || r.Add("b", 2) {
		t.Error("somebody has come into a retired namespace")
	}
	if r.Remove("a", 1, false) {
		t.Error("a is the last, though b is on the way in")
	}
	if !r.Leave(false) {
		t.Error("b is not the last")
	}
	if members, unused := r.Retire(); len(members) != 0 || unused {
		t.Errorf("retired twice: members %v, unused %v", members, unused)
	}
}

func TestAMemberWithTheIDOfOneThatHasGoneStays(t *testing.T) {
	var r Roll[int]
	for s := range 2 {
		r.Enter()
		r.Add("a", s)
	}
	if r.Remove("a", 0, true) || r.Get("a") != 1 || r.Retired() {
		t.Error("the other one has gone, too")
	}
	if !r.Remove("a", 1, true) || !r.Retired() {
		t.Error("an empty namespace has stayed")
	}
}

func TestANamespaceThatNobodyIsInIsUnused(t *testing.T) {
	var r Roll[int]
	r.Enter()
	if r.Leave(false) || r.Retired() {
		t.Error("retired though it was to stay")
	}
	if members, unused := r.Retire(); len(members) != 0 || !unused {
		t.Errorf("members %v, unused %v", members, unused)
	}
}
