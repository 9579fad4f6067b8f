// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"slices"
	"testing"
	"time"
)

func TestSilenceProvesNothingWhileThisGatewayHearsNothing(t *testing.T) {
	start := time.Now()
	w := newLivenessWindow(DefaultTiming)
	now := start
	// run takes a census each half second, and wants it to be able to tell from a time on.
	run := func(what string, connected bool, lasting, from time.Duration) {
		t.Helper()
		for begin := now; now.Sub(begin) < lasting; now = now.Add(censusInterval) {
			if got, want := w.canTell(now, connected), connected && now.Sub(begin) >= from; got != want {
				t.Fatalf("%s, after %v: %v, want %v", what, now.Sub(begin), got, want)
			}
		}
	}
	run("at the start", true, 20*time.Second, deadAfter)
	run("without NATS", false, 20*time.Second, 0)
	run("with NATS again", true, 20*time.Second, deadAfter-censusInterval)
	now = now.Add(time.Minute)
	run("after a pause", true, 20*time.Second, deadAfter)
}

func TestASilentGatewayIsSeen(t *testing.T) {
	peers := newTable()
	start := time.Now()
	peers.alive("a", Fields{}, start)
	peers.alive("b", Fields{}, start.Add(deadAfter))
	if got := peers.silent(start.Add(deadAfter)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("silent: %v", got)
	}
}
