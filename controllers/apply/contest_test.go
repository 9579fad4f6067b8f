// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"testing"
	"time"
)

func TestContestEndsAfterAPause(t *testing.T) {
	now := time.Unix(0, 0)
	var c contest
	for range contestLimit {
		if c.lost(now) {
			t.Fatalf("lost after %d times", c.times)
		}
		c = c.another(now)
		now = now.Add(time.Second)
	}
	if !c.lost(now) {
		t.Error("another program would be written over for ever")
	}
	if now = now.Add(contestPause); c.lost(now) {
		t.Error("the operator never tries again")
	}
	if c = c.another(now); c.lost(now) || c.times != 1 {
		t.Errorf("after a pause the row has %d times", c.times)
	}
}
