// SPDX-License-Identifier: Apache-2.0

package loglimit

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinesBeyondTheFirstAreSummedUp(t *testing.T) {
	for name, test := range map[string]struct {
		lines  int
		logged int
		rest   []string
	}{
		"few lines":       {1, 1, nil},
		"all that may be": {Lines, Lines, nil},
		"one more":        {Lines + 1, Lines, []string{"1 more"}},
		"many more":       {Lines + 312, Lines, []string{"312 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l Limit[string]
				for range 2 { // the next period is like the first
					logged, rest := 0, []string(nil)
					for range test.lines {
						l.Log("kind", func() { logged++ }, func(more int) { rest = append(rest, fmt.Sprintf("%d more", more)) })
					}
					if logged != test.logged || rest != nil {
						t.Errorf("%d lines and %q, want %d", logged, rest, test.logged)
					}
					time.Sleep(Period) // of the bubble's clock
					synctest.Wait()
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
