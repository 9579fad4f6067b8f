// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/deadline"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// What a tenure does from second to second, of a token that expires after 100.
func TestWhatIsDue(t *testing.T) {
	begin := time.Now().Add(24 * time.Hour) // far away, so that the queue itself does nothing
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	for name, test := range map[string]struct {
		policy Policy
		from   int
		want   []string
	}{
		"in time":            {Policy{Warn: 30 * time.Second, Grace: 10 * time.Second}, 0, []string{"69 nothing", "70 warn", "109 nothing", "110 close", "111 nothing"}},
		"within the warning": {Policy{Warn: 30 * time.Second, Grace: 10 * time.Second}, 71, []string{"71 warn", "109 nothing", "110 close"}},
		"within the grace":   {Policy{Warn: 30 * time.Second, Grace: 10 * time.Second}, 101, []string{"101 warn", "109 nothing", "110 close"}},
		"too late":           {Policy{Warn: 30 * time.Second, Grace: 10 * time.Second}, 110, []string{"110 close", "111 nothing"}},
		"kept":               {Policy{Keep: true}, 99, []string{"99 nothing", "100 nothing", "200 nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Watch{queue: deadline.New(func(*Tenure) {})}
			defer w.queue.Close()
			w.Policy = func(string) Policy { return test.policy }
			id := &socketio.Identity{Expires: at(100)}
			tenure := &Tenure{watch: w}
			said := func(second int) string {
				switch warn, shut := tenure.plan(id, at(second)); {
				case warn:
					return "warn"
				case shut:
					return "close"
				}
				return "nothing"
			}
			got := map[int]string{}
			for second := test.from; second <= 200; second++ {
				got[second] = said(second)
			}
			tenure.End()
			if w.queue.Len() != 0 {
				t.Error("an alarm is left")
			}
			for _, want := range test.want {
				var second int
				var what string
				if _, err := fmt.Sscanf(want, "%d %s", &second, &what); err != nil {
					t.Fatal(err)
				}
				if got[second] != what {
					t.Errorf("second %d: %s, want %s", second, got[second], what)
				}
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	span := func(d time.Duration) v1alpha1.Duration { return v1alpha1.Duration{Duration: d} }
	o := &v1alpha1.OnExpiry{Action: v1alpha1.ExpiryClose, Warn: span(30 * time.Second), Grace: span(10 * time.Second)}
	got := []Policy{
		PolicyOf(&v1alpha1.Authentication{}),
		PolicyOf(&v1alpha1.Authentication{OnExpiry: &v1alpha1.OnExpiry{Action: v1alpha1.ExpiryKeep}}),
		PolicyOf(&v1alpha1.Authentication{OnExpiry: o}),
		PolicyOf(&v1alpha1.Authentication{OnExpiry: o, JWT: &v1alpha1.JWTAuthentication{Leeway: span(time.Second)}}),
		PolicyOf(&v1alpha1.Authentication{OnExpiry: o, JWT: &v1alpha1.JWTAuthentication{Leeway: span(time.Minute)}}),
	}
	want := []Policy{{Keep: true}, {Keep: true}, Default, Default, {Warn: 30 * time.Second, Grace: time.Minute}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRenewalsArePaced(t *testing.T) {
	begin := time.Now()
	var r Renewals
	for _, test := range []struct{ at, want time.Duration }{
		{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, // a burst
		{0, pause}, {pause - 1, 1}, {pause, 0}, {pause, pause},
		{3 * pause, 0}, {3 * pause, 0}, {3 * pause, pause},
		{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, pause},
	} {
		if got := r.Take(begin.Add(test.at)); got != test.want {
			t.Errorf("after %v: wait %v, want %v", test.at, got, test.want)
		}
	}
}
