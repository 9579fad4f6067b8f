// SPDX-License-Identifier: Apache-2.0

package ending_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
)

func TestEveryCauseHasAName(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range ending.All() {
		if c.String() == "" || seen[c.String()] {
			t.Errorf("cause %d is called %q", c, c)
		}
		seen[c.String()] = true
	}
}

func TestACauseComesBeforeTheReason(t *testing.T) {
	var counts ending.Counts
	counts.End(ending.Rebalance, "transport close")
	counts.End(ending.ByReason, "transport close")
	counts.End(ending.ByReason, "whatever a program says")
	for cause, want := range map[ending.Cause]uint64{ending.Rebalance: 1, ending.TransportClose: 1, ending.Other: 1, ending.Drain: 0} {
		if got := counts.Ended(cause); got != want {
			t.Errorf("%d connections have ended by %s, want %d", got, cause, want)
		}
	}
}
