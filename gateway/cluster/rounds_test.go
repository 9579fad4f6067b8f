// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// pacedRounds are rounds whose clients are written to when the test says so.
type pacedRounds struct {
	*rounds
	written chan struct{}
	taken   int
	now     time.Time
}

func newPacedRounds() *pacedRounds {
	p := &pacedRounds{now: time.Now()}
	inbox := natsconn.NewInbox(natsconn.InboxOptions{Overflow: func(*nats.Msg) {}})
	p.rounds = newRounds(inbox, func() { p.taken++ }, func(queue func()) <-chan struct{} {
		queue()
		p.written = make(chan struct{})
		return p.written
	})
	return p
}

// round is one that takes so long to be written.
func (p *pacedRounds) round(d time.Duration) {
	p.begin(p.now)
	p.now = p.now.Add(d)
	p.end(p.now)
}

func TestARoundBeginsWhenTheLastIsWritten(t *testing.T) {
	p := newPacedRounds()
	p.come(p.now)
	if p.taken != 1 {
		t.Fatal("the first event waits")
	}
	if p.wake() != nil {
		t.Error("a round may begin while clients are written to")
	}
	p.end(p.now)
	if p.wake() == nil {
		t.Error("no round may begin")
	}
}

func TestEventsAreGatheredWhereConnectionsAreBusy(t *testing.T) {
	for name, c := range map[string]struct {
		took, later time.Duration
		gathers     bool
	}{
		"busy":                             {time.Millisecond, 2 * time.Millisecond, true},
		"busy with long rounds":            {50 * time.Millisecond, 10 * time.Millisecond, true},
		"an event now and then":            {time.Millisecond, time.Second, false},
		"rounds that cost next to nothing": {50 * time.Microsecond, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPacedRounds()
			p.round(c.took)
			p.come(p.now.Add(c.later))
			if gathers := p.taken == 1; gathers != c.gathers {
				t.Errorf("gathering: %v, want %v", gathers, c.gathers)
			}
			if !c.gathers {
				return
			}
			if p.wake() != nil {
				t.Error("another event begins a round")
			}
			p.expired(<-p.timer.C)
			if p.taken != 2 {
				t.Error("the round does not begin when events have been gathered")
			}
		})
	}
}

func TestRoundsForNobodySayNothingOfOthers(t *testing.T) {
	p := newPacedRounds()
	p.round(4 * time.Millisecond)
	p.round(0)
	if p.come(p.now); p.taken != 2 {
		t.Error("events are not gathered behind a round that had nothing for clients")
	}
	for range 100 {
		p.round(0)
	}
	if p.took >= gatherLeast {
		t.Errorf("a hundred short rounds are taken for rounds of %v", p.took)
	}
}

func TestARoundThatIsNotWrittenIsNotWaitedForForEver(t *testing.T) {
	p := newPacedRounds()
	p.come(p.now)
	p.expired(<-p.timer.C)
	if p.wake() == nil {
		t.Error("no round may begin")
	}
}
