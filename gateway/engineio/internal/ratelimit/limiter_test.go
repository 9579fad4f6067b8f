// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"testing"
	"time"
)

func TestBucketOutlivesAChange(t *testing.T) {
	l, now := &Limiter{}, time.Now()
	l.Set(1, 5)
	for i := range 5 {
		if !l.HasToken(now) || !l.Take(now) {
			t.Fatalf("a new bucket has %d tokens", i)
		}
	}
	l.Set(1, 5)
	if l.HasToken(now) || l.Take(now) {
		t.Error("a change has filled the bucket")
	}
	l.Set(0, 0)
	for range 10 {
		if !l.HasToken(now) || !l.Take(now) {
			t.Error("without a rate there is a bound")
		}
	}
	l.Set(1, 5)
	if !l.Take(now) {
		t.Error("a new bucket is empty")
	}
}
