// SPDX-License-Identifier: Apache-2.0

package stack

import "testing"

func TestPollingGoesToGatewaysInTurn(t *testing.T) {
	b := NewBalancer(false)
	for _, a := range []string{"a", "b", "c"} {
		b.Add(a)
	}
	seen := map[string]int{}
	for range 9 {
		a, err := b.Pick(7)
		if err != nil {
			t.Fatal(err)
		}
		seen[a]++
	}
	if seen["a"] != 3 || seen["b"] != 3 || seen["c"] != 3 {
		t.Errorf("got %v", seen)
	}
}

func TestAffinityLastsAsLongAsTheGateway(t *testing.T) {
	b := NewBalancer(true)
	b.Add("a")
	b.Add("b")
	first, _ := b.Pick(7)
	for range 5 {
		if a, _ := b.Pick(7); a != first {
			t.Fatalf("went from %s to %s", first, a)
		}
		_, _ = b.Pick(8)
	}
	b.Remove(first)
	second, err := b.Pick(7)
	if err != nil || second == first {
		t.Fatalf("got %s: %v", second, err)
	}
	b.Remove(second)
	if a, err := b.Pick(7); err == nil {
		t.Errorf("went to %s, which is not there", a)
	}
}
