// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"time"
)

const (
	// findTimeout is how long a gateway that nobody has heard of may take to say that it is there. One that has just started, or
	// that this one is too young to know, answers within a round trip; and one that has missed the question says so by its next
	// heartbeat.
	findTimeout = heartbeatInterval + 500*time.Millisecond
	// findLimit is for how long that is waited for in all, where this gateway does not hear what others say.
	findLimit = deadAfter + censusInterval
	// askAgain is the least time between two questions who is there.
	askAgain = 100 * time.Millisecond
	// absentFor is how long one that did not answer, or has gone, is not asked for again.
	absentFor = time.Minute
)

// Address is the host and port on which a gateway's peers reach it, by its id. It is false for one that is not there, or
// that has none.
func (p *Peers) Address(id string) (string, bool) {
	address, s, _ := p.table.look(id)
	return address, s == statePresent && address != ""
}

// Find is Address for an id that a gateway of this service has given out: one that this gateway has never heard of
// is asked for, for some seconds or until the context ends. While this gateway hears nothing, as without NATS, that says
// nothing of the others.
func (p *Peers) Find(ctx context.Context, id string) (string, bool) {
	if address, s, _ := p.table.look(id); s != stateUnknown {
		return address, s == statePresent && address != ""
	}
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	since := time.Now()
	for {
		address, s, changed := p.table.look(id)
		if s != stateUnknown {
			return address, s == statePresent && address != ""
		}
		now := time.Now()
		if hearing := p.table.hearingSince(); hearing.After(since) {
			since = hearing
		}
		if now.Sub(since) >= findTimeout {
			p.table.missed(id, now)
			return "", false
		}
		if p.conn.Connected() && p.table.askDue(now) {
			p.announce(Hello) // upon which all say that they are there
		}
		select {
		case <-changed:
		case <-time.After(askAgain): // who has just come may have missed the question
		case <-ctx.Done():
			return "", false
		case <-p.stopped:
			return "", false
		}
	}
}

// AwaitGone returns when a gateway is known not to be there any more, or the context ends.
func (p *Peers) AwaitGone(ctx context.Context, id string) {
	gone := p.table.endOf(id)
	if gone == nil {
		return
	}
	select {
	case <-gone:
	case <-ctx.Done():
	case <-p.stopped:
	}
}
