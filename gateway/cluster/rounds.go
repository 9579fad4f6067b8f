// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

const (
	// gatherMost bounds the wait for more events before a round, however long the last one took.
	gatherMost = 5 * time.Millisecond
	// gatherLeast is the shortest wait that is worth a timer.
	gatherLeast = 200 * time.Microsecond
	// gatherFactor is the ratio of that wait to the duration of the last round.
	gatherFactor = 2
	// busyFactor determines whether connections are busy: they are if the time since the end of the
	// last round is less than its duration times busyFactor.
	busyFactor = 8
	// roundTimeout bounds the wait for the end of a round.
	roundTimeout = 100 * time.Millisecond
)

// rounds let dispatch deliver events in batches, which the log brings one by one. A round is what
// dispatch takes from its inbox at once. The next one begins when the clients have been written to,
// and after a wait of twice the duration of the last round for further events: so a busy gateway
// writes several events by one system call, which is most of the cost of a delivery (decision
// 0026). If it is not busy, an event does not wait. Only dispatch uses it.
type rounds struct {
	inbox *natsconn.Inbox
	// take delivers what waits in the inbox.
	take func()
	// together writes to clients when queue returns, and returns a channel that is closed when they
	// are written to; see engineio.Server.Together. If nil, events are not gathered, and only take
	// is used.
	together func(queue func()) (written <-chan struct{})
	// timer ends the wait for more events, or the wait for the end of a round.
	timer *time.Timer
	// written belongs to the current round; nil if there is none.
	written <-chan struct{}
	// gathering reports whether something waits in the inbox, and more is waited for.
	gathering bool
	// began and ended are the times of the last round, and took is the typical duration of rounds.
	began, ended time.Time
	took         time.Duration
	// oldest is when the oldest of this gateway's own events was emitted that the log has confirmed
	// in the current round; zero if there is none. delivered, if not nil, is called with its age
	// when the round is written.
	oldest    time.Time
	delivered func(age time.Duration)
}

func newRounds(in *natsconn.Inbox, take func(), together func(func()) <-chan struct{}) *rounds {
	r := &rounds{inbox: in, take: take, together: together, timer: time.NewTimer(roundTimeout)}
	r.timer.Stop()
	return r
}

// wake returns a channel that reports waiting messages, or nil while no round may begin.
func (r *rounds) wake() <-chan struct{} {
	if r.written != nil || r.gathering {
		return nil
	}
	return r.inbox.Wake
}

// come is called when messages wait, and begins a round now or by the timer.
func (r *rounds) come(now time.Time) {
	pause := min(gatherFactor*r.took, gatherMost)
	if pause < gatherLeast || now.Sub(r.ended) > busyFactor*r.took {
		r.begin(now)
		return
	}
	r.gathering = true
	r.timer.Reset(pause)
}

// begin begins a round.
func (r *rounds) begin(now time.Time) {
	if r.together == nil {
		r.take()
		return
	}
	r.gathering, r.began, r.oldest = false, now, time.Time{}
	r.timer.Reset(roundTimeout)
	r.written = r.together(r.take)
}

// end is called when a round is written.
func (r *rounds) end(now time.Time) {
	r.timer.Stop()
	r.written, r.ended = nil, now
	// Rounds without messages for clients are short, and say nothing about the others.
	r.took = max(now.Sub(r.began), r.took-r.took/8)
	if !r.oldest.IsZero() && r.delivered != nil {
		r.delivered(now.Sub(r.oldest))
	}
}

// confirmed is called within a round for an event of this gateway's own that is stored.
func (r *rounds) confirmed(emitted time.Time) {
	if r.oldest.IsZero() || emitted.Before(r.oldest) {
		r.oldest = emitted
	}
}

// expired is called by the timer.
func (r *rounds) expired(now time.Time) {
	if r.written != nil {
		r.end(now)
		return
	}
	r.begin(now)
}
