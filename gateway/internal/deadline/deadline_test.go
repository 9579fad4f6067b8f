// SPDX-License-Identifier: Apache-2.0

package deadline

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// rung is an alarm that has rung, and when.
type rung struct {
	owner int
	after time.Duration
}

func TestAlarmsRingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var got []rung
		q := New(func(owner int) { got = append(got, rung{owner, time.Since(begin)}) })
		defer q.Close()
		const n = 500
		all := make([]Alarm[int], n)
		set := func(owner, seconds int) {
			q.Set(&all[owner], owner, begin.Add(time.Duration(seconds)*time.Second))
		}
		for _, owner := range rand.Perm(n) {
			set(owner, n-owner) // the last owner first
		}
		for owner := range n { // all are moved, and every third goes
			set(owner, owner+1)
			if owner%3 == 0 {
				q.Remove(&all[owner])
				q.Remove(&all[owner])
			}
		}
		time.Sleep(n * time.Second)
		synctest.Wait()
		var want []rung
		for owner := range n {
			if owner%3 != 0 {
				want = append(want, rung{owner, time.Duration(owner+1) * time.Second})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("rang %v, want %v", got, want)
		}
		if q.Len() != 0 {
			t.Errorf("%d alarms are left", q.Len())
		}
	})
}

func TestAnAlarmIsSetAgainAsItRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var a Alarm[int]
		var got []time.Duration
		var q *Queue[int]
		q = New(func(int) {
			got = append(got, time.Since(begin))
			if len(got) < 3 {
				q.Set(&a, 0, time.Now().Add(time.Minute))
			}
		})
		q.Set(&a, 0, begin.Add(-time.Hour)) // one that is over rings at once
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []time.Duration{0, time.Minute, 2 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("rang after %v, want %v", got, want)
		}
		q.Set(&a, 0, time.Now().Add(time.Minute))
		q.Close()
		q.Set(&a, 0, time.Now().Add(time.Minute))
		q.Remove(&a)
		time.Sleep(time.Hour)
		if len(got) != 3 || q.Len() != 0 {
			t.Error("a closed queue rings")
		}
	})
}
