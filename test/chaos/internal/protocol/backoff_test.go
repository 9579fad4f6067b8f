// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBackoffIsTheStockClients(t *testing.T) {
	bounds := []struct{ low, high time.Duration }{
		{500 * time.Millisecond, 1500 * time.Millisecond},
		{time.Second, 3 * time.Second},
		{2 * time.Second, 5 * time.Second},
		{4 * time.Second, 5 * time.Second},
		{5 * time.Second, 5 * time.Second},
	}
	for seed := range uint64(200) {
		b := Backoff{Scale: 1, Random: rand.New(rand.NewPCG(seed, 0))}
		for i, want := range bounds {
			if got := b.Next(); got < want.low || got > want.high {
				t.Fatalf("attempt %d of seed %d waits %v, not %v to %v", i+1, seed, got, want.low, want.high)
			}
		}
		b.Reset()
		if got := b.Next(); got > bounds[0].high {
			t.Fatalf("after a reset the wait is %v", got)
		}
	}
}

func TestBackoffScales(t *testing.T) {
	b := Backoff{Scale: 0.01, Random: rand.New(rand.NewPCG(1, 0))}
	if got := b.Next(); got < 5*time.Millisecond || got > 15*time.Millisecond {
		t.Errorf("a hundredth of the first wait is %v", got)
	}
}
