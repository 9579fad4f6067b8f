// SPDX-License-Identifier: Apache-2.0

package loglimit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinesBeyondTheFirstAreSummedUp(t *testing.T) {
	for name, test := range map[string]struct {
		lines  int
		logged int
		rest   []int
	}{
		"few lines":       {1, 1, nil},
		"all that may be": {Lines, Lines, nil},
		"one more":        {Lines + 1, Lines, []int{1}},
		"many more":       {Lines + 312, Lines, []int{312}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l Limit[string]
				for range 2 { // the next period is like the first
					logged, told := 0, make(chan int, 10)
					for range test.lines {
						l.Log("kind", func() { logged++ }, func(more int) { told <- more })
					}
					if logged != test.logged || len(told) > 0 {
						t.Errorf("%d lines, %d more are told of, want %d and none", logged, len(told), test.logged)
					}
					time.Sleep(Period) // of the bubble's clock
					synctest.Wait()
					close(told)
					var rest []int
					for more := range told {
						rest = append(rest, more)
					}
					if diff := cmp.Diff(test.rest, rest); diff != "" {
						t.Errorf("after the period: %s", diff)
					}
				}
			})
		})
	}
}

func TestKindsAreCountedByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Limit[int]
		logged := map[int]int{}
		for i := range 10 * Lines {
			l.Log(i%2, func() { logged[i%2]++ }, func(int) {})
		}
		if diff := cmp.Diff(map[int]int{0: Lines, 1: Lines}, logged); diff != "" {
			t.Error(diff)
		}
	})
}
