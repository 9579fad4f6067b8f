// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name      string
		pace      Pace
		sessions  int
		over      time.Duration
		perSecond int // at most so many are told to go in any second of the clock
	}{
		{"spreads over the time that there is", Pace{Within: 20 * time.Second}, 200, 20 * time.Second, 10},
		{"keeps to the rate", Pace{Rate: 100, Within: time.Hour}, 1000, 10 * time.Second, 100},
		{"ends early where few are there", Pace{Rate: 100, Within: time.Hour}, 50, 500 * time.Millisecond, 50},
		{"is raised where the time is short", Pace{Rate: 10, Within: 20 * time.Second}, 1000, 20 * time.Second, 50},
		{"takes no time where none is given", Pace{Rate: 10}, 1000, 0, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pace.Over(tt.sessions); got != tt.over {
				t.Errorf("it takes %s, want %s", got, tt.over)
			}
			told := map[time.Duration]int{}
			var last time.Duration
			for i := range tt.sessions {
				at := tt.pace.slot(i, tt.sessions, rand.Float64())
				if at < last || at > tt.over {
					t.Fatalf("session %d is told at %s, after %s, of %s", i, at, last, tt.over)
				}
				last = at
				told[at.Truncate(time.Second)]++
			}
			for second, n := range told {
				if n > tt.perSecond {
					t.Errorf("%d are told within the second at %s, want at most %d", n, second, tt.perSecond)
				}
			}
		})
	}
}

func TestPaceOfNobodyTakesNoTime(t *testing.T) {
	if got := (Pace{Rate: 10, Within: time.Hour}).Over(0); got != 0 {
		t.Errorf("it takes %s", got)
	}
}
