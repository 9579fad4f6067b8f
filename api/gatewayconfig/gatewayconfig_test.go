// SPDX-License-Identifier: Apache-2.0

package gatewayconfig

import (
	"math"
	"testing"
	"time"
)

func TestSequence(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "7": 7, "-7": 0, "seven": 0, "99999999999999999999": 0, "1764482823000": 1764482823000} {
		if got := Sequence(map[string]string{AnnotationSequence: text}); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
	for _, n := range []int64{0, 1, math.MaxInt64} {
		if got := Sequence(Annotations(n)); got != n {
			t.Errorf("%d becomes %d", n, got)
		}
	}
}

func TestNextIsLarger(t *testing.T) {
	now := time.UnixMilli(1000)
	for last, want := range map[int64]int64{0: 1000, 999: 1000, 1000: 1001, 5000: 5001} {
		if got := Next(last, now); got != want {
			t.Errorf("after %d comes %d, want %d", last, got, want)
		}
	}
}
