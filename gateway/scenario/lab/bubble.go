// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// Bubble calls a function in a bubble, in which the clock stands at a time and goes on only while
// every goroutine waits. It returns when all goroutines that the function has started have ended;
// one that never ends is a deadlock, which panics.
//
// The bubble has no connection to anything outside: neither channels nor timers, and no network.
func Bubble(start time.Time, f func()) {
	// Libraries keep timers in a sync.Pool, and a timer belongs to its bubble. Two collections
	// empty all pools.
	defer func() { runtime.GC(); runtime.GC() }()
	// Test needs no more of a testing.T than a place for a failure, which f does not report there.
	synctest.Test(&testing.T{}, func(*testing.T) {
		time.Sleep(time.Until(start))
		f()
	})
}

// Settle waits until nothing happens any more before the clock goes on.
func Settle() { synctest.Wait() }

// Advance has the clock go on.
func Advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
