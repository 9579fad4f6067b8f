// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"testing"
	"time"
)

// Await waits until something is true that nothing tells. It fails the test after a minute.
func Await(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}
