// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

const (
	// gatherMost bounds the wait for more events before a round, however long the last one took.
	gatherMost = 5 * time.Millisecond
	// gatherLeast is a wait that is not worth a timer.
	gatherLeast = 200 * time.Microsecond
	// gatherFactor is how much longer than the last round that wait is.
	gatherFactor = 2
	// busyFactor says when connections are busy: the last round ended less than so many times ago
	// than it took.
	busyFactor = 8
	// roundTimeout is how long the end of a round is waited for.
	roundTimeout = 100 * time.Millisecond
)

// rounds have dispatch hand to clients together what the log brings one by one. A round is what
// dispatch takes from its inbox at once. The next one begins when the clients have been written to,
// and not before what else is on its way has had twice as long to come in as the last round took: so a
// busy gateway writes several events by one system call, which is most of what a delivery costs
// (decision 0026). Where it is not busy, an event does not wait. Only dispatch uses it.
type rounds struct {
	inbox *natsconn.Inbox
	// take hands out what waits in the inbox.
	take func()
	// together has clients be written to when queue returns, and what it returns closed when they
	// are; see engineio.Server.Together. Nil: nothing is gathered, there is nothing but take.
	together func(queue func()) (written <-chan struct{})
	// timer ends what lasts: the wait for more events, or that for the end of a round.
	timer *time.Timer
	// written is of the round that is going on; nil if none is.
	written <-chan struct{}
	// gathering: something waits in the inbox, and more is waited for.
	gathering bool
	// began and ended are of the last round, took is how long rounds take.
	began, ended time.Time
	took         time.Duration
}

func newRounds(in *natsconn.Inbox, take func(), together func(func()) <-chan struct{}) *rounds {
	r := &rounds{inbox: in, take: take, together: together, timer: time.NewTimer(roundTimeout)}
	r.timer.Stop()
	return r
}

// wake is told that something waits, as long as a round may begin.
func (r *rounds) wake() <-chan struct{} {
	if r.written != nil || r.gathering {
		return nil
	}
	return r.inbox.Wake
}

// come is called when something waits, and begins a round now or by the timer.
func (r *rounds) come(now time.Time) {
	pause := min(gatherFactor*r.took, gatherMost)
	if pause < gatherLeast || now.Sub(r.ended) > busyFactor*r.took {
		r.begin(now)
		return
	}
	r.gathering = true
	r.timer.Reset(pause)
}

// begin takes a round.
func (r *rounds) begin(now time.Time) {
	if r.together == nil {
		r.take()
		return
	}
	r.gathering, r.began = false, now
	r.timer.Reset(roundTimeout)
	r.written = r.together(r.take)
}

// end is called when a round is written.
func (r *rounds) end(now time.Time) {
	r.timer.Stop()
	r.written, r.ended = nil, now
	// Some rounds have nothing for clients, and say nothing of those that have.
	r.took = max(now.Sub(r.began), r.took-r.took/8)
}

// expired is called by the timer.
func (r *rounds) expired(now time.Time) {
	if r.written != nil {
		r.end(now)
		return
	}
	r.begin(now)
}
