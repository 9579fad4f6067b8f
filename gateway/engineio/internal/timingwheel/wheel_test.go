// SPDX-License-Identifier: Apache-2.0

package timingwheel

import (
	"testing"
	"time"
)

func TestNobodyIsCalledTooEarlyNorMuchTooLate(t *testing.T) {
	now := time.Now()
	for _, wait := range []time.Duration{-time.Second, 0, 1, time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond, 25 * time.Second, time.Hour} {
		for range 1000 {
			now = now.Add(12345678 * time.Nanosecond)
			key := keyOf(now, wait)
			late := time.Duration(key.at<<key.shift - now.Add(max(wait, 0)).UnixNano())
			if late < 0 || late > max(wait/64, time.Millisecond/64) {
				t.Fatalf("%v is %v late", wait, late)
			}
		}
	}
}

func TestAlarmsOfOneTimeShareATimer(t *testing.T) {
	w := New(func(int) {})
	var alarms [1000]Alarm[int]
	for i := range alarms {
		w.Set(&alarms[i], time.Hour)
	}
	if n := len(w.slots); n > 2 { // the clock goes on
		t.Errorf("%d timers", n)
	}
	for i := range alarms {
		w.Set(&alarms[i], 2*time.Hour) // takes it off the first
	}
	if n := len(w.slots); n > 2 {
		t.Errorf("%d timers after all were set anew", n)
	}
	for i := range alarms {
		w.Remove(&alarms[i])
		w.Remove(&alarms[i])
	}
	if n := len(w.slots); n != 0 {
		t.Errorf("%d timers of nobody", n)
	}
}

func BenchmarkWheel(b *testing.B) {
	w := New(func(int) {})
	alarms := make([]Alarm[int], 10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Set(&alarms[i%len(alarms)], 25*time.Second)
	}
}
