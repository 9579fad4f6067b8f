// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"crypto/rand"
	"testing"
	"time"
)

func say(bytes int) Event { return Event{Name: "say", Bytes: bytes} }

const second = int64(time.Second)

// accepted asks for events until one is refused, and returns how many were accepted.
func accepted(s *Socket, r *Rules, now int64, e Event) (n int, v Verdict) {
	for n = range 10_000 {
		if v = s.Ask(r, now, e); v.By != nil {
			return n, v
		}
	}
	return n, v
}

func TestABurstIsEarnedAgainAtTheRate(t *testing.T) {
	for _, rate := range []int64{1, 3, 7, 20, 999} {
		l := &Limit{Name: "perSocket.events", Rate: rate, Burst: 2*rate + 1}
		r := Rules{Events: l}.Prepare()
		s := NewSocket(nil)
		for i := range 2*rate + 1 {
			if v := s.Ask(r, 0, say(1)); v.By != nil {
				t.Fatalf("rate %d: event %d of the burst is refused", rate, i)
			}
		}
		v := s.Ask(r, 0, say(1))
		if v.By != l || v.RetryAfter <= 0 || v.RetryAfter > time.Second/time.Duration(rate)+1 {
			t.Errorf("rate %d: beyond the burst it is %+v", rate, v)
		}
		if v := s.Ask(r, int64(v.RetryAfter), say(1)); v.By != nil {
			t.Errorf("rate %d: it is refused after %v", rate, v.RetryAfter)
		}
		if n, _ := accepted(s, r, int64(v.RetryAfter)+second, say(1)); int64(n) < rate || int64(n) > rate+1 {
			t.Errorf("rate %d: %d are accepted a second later", rate, n)
		}
	}
}

func TestAnEventLargerThanTheBurstNeedsAFullBucketAndIsPaidOff(t *testing.T) {
	l := &Limit{Rate: 1000, Burst: 2000}
	r := Rules{Bytes: l}.Prepare()
	s := NewSocket(nil)
	if v := s.Ask(r, 0, say(10_000)); v.By != nil {
		t.Fatal("it is refused though nothing was used")
	}
	v := s.Ask(r, 0, say(1))
	if v.By != l || v.RetryAfter.Round(time.Millisecond) != 8001*time.Millisecond {
		t.Errorf("behind it, one byte waits for %v", v.RetryAfter)
	}
	if v := s.Ask(r, 9*second, say(10_000)); v.By == nil || v.RetryAfter.Round(time.Millisecond) != time.Second {
		t.Errorf("another one: %+v", v)
	}
	if v := s.Ask(r, 10*second, say(10_000)); v.By != nil {
		t.Errorf("another one, later: %+v", v)
	}
}

func TestWhatOneLimitRefusesIsChargedToNone(t *testing.T) {
	typing := &Limit{Name: "perSocket.byEvent[0]", Rate: 1, Burst: 2, Action: Drop}
	events := &Limit{Name: "perSocket.events", Rate: 1, Burst: 5, Action: Reject}
	r := Rules{Events: events, ByEvent: []NamedLimit{{"typing", typing}}}.Prepare()
	s := NewSocket(nil)
	if n, v := accepted(s, r, 0, Event{Name: "typing"}); n != 2 || v.By != typing {
		t.Errorf("%d are accepted, and %+v", n, v)
	}
	if n, v := accepted(s, r, 0, say(1)); n != 3 || v.By != events {
		t.Errorf("%d others are accepted, and %+v", n, v)
	}
	if v := s.Ask(r, 0, Event{Name: "typing"}); v.By != events {
		t.Errorf("of two limits, the stricter is not named: %+v", v)
	}
}

func TestTheStricterOfTwoDecidesAndTheLongerWaitIsTold(t *testing.T) {
	events := &Limit{Rate: 10, Burst: 1, Action: Disconnect}
	bytes := &Limit{Rate: 1, Burst: 1, Action: Reject}
	r := Rules{Events: events, Bytes: bytes}.Prepare()
	s := NewSocket(nil)
	s.Ask(r, 0, say(1))
	if v := s.Ask(r, 0, say(1)); v.By != events || v.RetryAfter != time.Second {
		t.Errorf("it is %+v", v)
	}
}

func TestAuditLetsEverythingThroughAndSaysWhatItWouldRefuse(t *testing.T) {
	audited := &Limit{Rate: 1, Burst: 1, Action: Disconnect, Audit: true}
	r := Rules{Events: audited}.Prepare()
	s := NewSocket(nil)
	over := 0
	for range 10 {
		v := s.Ask(r, 0, say(1))
		if v.By != nil {
			t.Fatal("it refuses")
		}
		over += len(v.Audited)
	}
	if over != 9 {
		t.Errorf("%d of 10 are over a burst of one", over)
	}
	if v := s.Ask(r, second, say(1)); len(v.Audited) != 0 {
		t.Error("what was over the limit was charged, unlike in mode Enforce")
	}
}

func TestAcknowledgementsCountForBytesAlone(t *testing.T) {
	bytes := &Limit{Rate: 100, Burst: 100}
	r := Rules{Events: &Limit{Rate: 1, Burst: 1}, Bytes: bytes}.Prepare()
	s := NewSocket(nil)
	if n, v := accepted(s, r, 0, Event{Bytes: 10, Ack: true}); n != 10 || v.By != bytes {
		t.Errorf("%d are accepted, and %+v", n, v)
	}
	if v := s.Ask(r, 0, say(1)); v.By != bytes {
		t.Error("they were not charged")
	}
	s = NewSocket(nil)
	s.Ask(r, 0, Event{Bytes: 10, Ack: true})
	if v := s.Ask(r, 0, say(1)); v.By != nil {
		t.Errorf("an acknowledgement has counted as an event: %+v", v)
	}
}

func TestChangedRulesKeepWhatWasUsed(t *testing.T) {
	before := Rules{
		Events:  &Limit{Rate: 1, Burst: 1000},
		ByEvent: []NamedLimit{{"other", &Limit{Rate: 1, Burst: 1}}, {"say", &Limit{Rate: 1, Burst: 600}}},
	}.Prepare()
	after := Rules{
		Events:  &Limit{Rate: 1000, Burst: 1000},
		ByEvent: []NamedLimit{{"say", &Limit{Rate: 1, Burst: 600}}},
	}.Prepare()
	s := NewSocket(nil)
	for range 500 {
		s.Ask(before, 0, say(1))
	}
	if n, _ := accepted(s, after, 0, say(1)); n != 100 {
		t.Errorf("%d more are accepted of 600, after 500", n)
	}
	if n, _ := accepted(s, after, 0, Event{Name: "other"}); n != 400 {
		t.Errorf("%d more are accepted of 1000, after 600", n)
	}
	if n, _ := accepted(s, after, second, Event{Name: "other"}); n != 1000 {
		t.Errorf("%d are accepted a second later: the time is that of the former rate", n)
	}
	smaller := Rules{Events: &Limit{Rate: 10, Burst: 10}}.Prepare()
	if n, _ := accepted(s, smaller, second, Event{Name: "other"}); n != 0 {
		t.Errorf("%d are accepted by a smaller limit at once", n)
	}
	if n, _ := accepted(s, smaller, second+second/10, Event{Name: "other"}); n != 1 {
		t.Errorf("%d are accepted by a smaller limit", n)
	}
}

func TestAClientIsToldOncePerSecond(t *testing.T) {
	s := NewSocket(nil)
	for _, test := range []struct {
		now  int64
		want bool
	}{{0, true}, {0, false}, {second - 1, false}, {second, true}, {second + 1, false}} {
		if got := s.MayTell(test.now); got != test.want {
			t.Errorf("at %d it is told: %t", test.now, got)
		}
	}
}

func TestRulesWithoutALimitAreNone(t *testing.T) {
	if r := (Rules{}).Prepare(); r != nil {
		t.Error("events would be asked for nothing")
	}
}

func BenchmarkAsk(b *testing.B) {
	l := &Limit{Rate: 1_000_000, Burst: 1_000_000}
	users := NewUsers(time.Now)
	for name, rules := range map[string]Rules{
		"perSocket": {Events: l, Bytes: l},
		"byEvent":   {Events: l, ByEvent: []NamedLimit{{"typing", l}, {"say", l}}},
		"perUser":   {UserEvents: l, UserBytes: l},
	} {
		b.Run(name, func(b *testing.B) {
			s, r := NewSocket(users.Hold(KeyOf(name, rand.Text()))), rules.Prepare()
			b.ReportAllocs()
			now := int64(0)
			for b.Loop() {
				now += 1_000_000
				if v := s.Ask(r, now, Event{Name: "say", Bytes: 100}); v.By != nil {
					b.Fatal("it is refused")
				}
			}
		})
	}
}
