// SPDX-License-Identifier: Apache-2.0

package patience

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsThatTakeLongAreHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watch
		var lets atomic.Bool
		var asked, goneOn atomic.Int32
		call := func() *Call {
			return &Call{
				HandOn: func() bool {
					asked.Add(1)
					return lets.Load()
				},
				GoOn: func() { goneOn.Add(1) },
			}
		}
		want := func(what string, wantAsked, wantGoneOn int32) {
			t.Helper()
			synctest.Wait()
			if a, g := asked.Load(), goneOn.Load(); a != wantAsked || g != wantGoneOn {
				t.Errorf("%s: asked %d times, %d have gone on; want %d and %d", what, a, g, wantAsked, wantGoneOn)
			}
		}
		short, long := call(), call()
		w.Begin(short)
		w.Begin(long)
		time.Sleep(patience)
		w.End(short)
		want("after one look", 0, 0)
		time.Sleep(patience)
		want("after two", 1, 0)
		time.Sleep((retry - 1) * patience)
		want("before the next attempt", 1, 0)
		lets.Store(true)
		time.Sleep(patience)
		want("at the next attempt", 2, 1)
		time.Sleep(time.Minute)
		want("at the end", 2, 1)
		if w.ticking {
			t.Error("nothing is watched, but it is looked")
		}
		w.Begin(long)
		w.HandOn(long)
		want("at once", 3, 2)
	})
}
