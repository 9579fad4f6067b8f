// SPDX-License-Identifier: Apache-2.0

package heartbeat

import (
	"testing"
	"time"
)

const (
	interval = 25 * time.Second
	timeout  = 20 * time.Second
)

var begin = time.Unix(1_780_000_000, 0)

// due checks what is due next, in seconds since the begin.
func due(t *testing.T, h *Heartbeat, seconds time.Duration, awaiting bool) {
	t.Helper()
	if got := h.Due().Sub(begin); got != seconds*time.Second || h.Awaiting() != awaiting {
		t.Errorf("due after %s, awaiting: %t; want %ds, %t", got, h.Awaiting(), seconds, awaiting)
	}
}

func at(seconds time.Duration) time.Time { return begin.Add(seconds * time.Second) }

func TestATimerThatIsLateDoesNotMoveTheDeadline(t *testing.T) {
	h := New(interval, timeout, begin)
	due(t, &h, 25, false)
	h.Pinged(at(26))
	due(t, &h, 45, true)
	if !h.Pong(at(30)) {
		t.Error("the answer does not count")
	}
	due(t, &h, 55, false)
}

func TestAClientDoesNotPayForAProcessThatWasSuspended(t *testing.T) {
	h := New(interval, timeout, begin)
	h.Pinged(at(100))
	due(t, &h, 120, true)
}

func TestOtherPacketsPutTheDeadlineOffOnce(t *testing.T) {
	h := New(interval, timeout, begin)
	if h.Extend(); h.extended {
		t.Error("put off while no answer is awaited")
	}
	h.Pinged(at(25))
	h.extend(at(40))
	due(t, &h, 60, true)
	h.Extend()
	due(t, &h, 60, true)
}

func TestAnAnswerThatNobodyWaitsForDoesNotCount(t *testing.T) {
	h := New(interval, timeout, begin)
	if h.Pong(at(20)) {
		t.Error("it counts")
	}
	due(t, &h, 25, false)
}

func TestAnAnswerIsMissedAlsoIfThePingIsLate(t *testing.T) {
	h := New(interval, timeout, begin)
	for seconds, want := range map[time.Duration]bool{25: false, 44: false, 45: true} {
		if got := h.Missed(at(seconds)); got != want {
			t.Errorf("after %ds without a ping: missed %t", seconds, got)
		}
	}
	h.Pinged(at(25))
	for seconds, want := range map[time.Duration]bool{44: false, 45: true} {
		if got := h.Missed(at(seconds)); got != want {
			t.Errorf("after %ds: missed %t", seconds, got)
		}
	}
}

func TestAClientOfRevision3IsGivenUpWithoutItsPings(t *testing.T) {
	h := NewPingedByClient(interval, timeout, begin)
	due(t, &h, 45, true)
	h.Extend()
	due(t, &h, 45, true)
	h.PingedByClient(at(25))
	due(t, &h, 70, true)
}

func TestAClientThatIsNotReadIsGivenAnotherTimeout(t *testing.T) {
	h := New(interval, timeout, begin)
	h.PutOff(at(20))
	due(t, &h, 25, false)
	h.Pinged(at(25))
	h.PutOff(at(24)) // which is no reason to give it up sooner
	due(t, &h, 45, true)
	h.PutOff(at(40))
	due(t, &h, 60, true)
	h.PutOff(at(50)) // as often as something is done
	due(t, &h, 70, true)
}
