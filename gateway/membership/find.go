// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"time"
)

const (
	// findTimeout is how long a gateway that is not known may take to announce itself. One that has
	// just started, or that this gateway is too young to know, answers within a round trip; one
	// that has missed the question announces itself at its next heartbeat.
	findTimeout = heartbeatInterval + 500*time.Millisecond
	// findLimit bounds the whole wait, for a gateway that does not receive the announcements of
	// others.
	findLimit = deadAfter + censusInterval
	// askAgain is the shortest time between two questions.
	askAgain = 100 * time.Millisecond
	// absentFor is how long a gateway that did not answer, or was lost, is not asked for again.
	absentFor = time.Minute
)

// Address returns the host and port on which peers reach the gateway with that id. It returns false
// if the gateway is not alive, or has no address.
func (p *Peers) Address(id string) (string, bool) {
	address, s, _ := p.table.look(id)
	return address, s == statePresent && address != ""
}

// Find is Address for an id that a gateway of this service has issued: if this gateway has never
// heard of it, it asks for it, for some seconds or until the context ends. While this gateway
// receives nothing, for example without NATS, the result says nothing about the others.
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
			p.announce(Hello) // all answer that they are alive
		}
		select {
		case <-changed:
		case <-time.After(askAgain): // a gateway that has just started may have missed the question
		case <-ctx.Done():
			return "", false
		case <-p.stopped:
			return "", false
		}
	}
}

// IsLost reports whether a gateway is known not to be alive. For one that it has never heard of it
// asks, as Find does.
func (p *Peers) IsLost(ctx context.Context, id string) bool {
	_, s, _ := p.table.look(id)
	if s == stateUnknown {
		p.Find(ctx, id)
		_, s, _ = p.table.look(id)
	}
	return s == stateAbsent
}

// AwaitGone returns when a gateway is known to be lost, or the context ends.
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
