// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

// What is tested is today's program: the previous one runs until the update, and not where there is
// none.
func TestThePreviousProgramRunsUntilTheUpdate(t *testing.T) {
	previous, err := stack.Ours(t.Context(), t.TempDir(), stack.Programs{Previous: "realtime"}, 1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    Options
		want bool
	}{
		"all faults":                   {Options{Stack: previous, Faults: Faults()}, true},
		"faults without an update":     {Options{Stack: previous, Faults: []string{"broker killed"}}, false},
		"faults that are drawn":        {Options{Stack: previous, Duration: time.Minute}, true},
		"there is no previous program": {Options{Faults: Faults()}, false},
	} {
		if got := c.o.updates(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if first := Faults()[:2]; first[0] != "none" || first[1] != updateFault {
		t.Errorf("the first faults are %q", first)
	}
	r := &run{o: Options{Stack: previous, Duration: time.Minute}}
	if f, _, err := r.fault(0, time.Now()); err != nil || f.name != updateFault {
		t.Errorf("the first fault that is drawn is %q, %v", f.name, err)
	}
}
