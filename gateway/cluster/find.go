// SPDX-License-Identifier: Apache-2.0

package cluster

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

// PeerAddress is the host and port on which a gateway's peers reach it, by its id. It is false for one that is not there, or
// that has none.
func (c *Cluster) PeerAddress(id string) (string, bool) {
	address, sight, _ := c.peers.look(id)
	return address, sight == peerPresent && address != ""
}

// FindPeer is PeerAddress for an id that a gateway of this service has given out: one that this gateway has never heard of
// is asked for, for some seconds or until the context ends. While this gateway hears nothing, as without NATS, that says
// nothing of the others.
func (c *Cluster) FindPeer(ctx context.Context, id string) (string, bool) {
	if address, sight, _ := c.peers.look(id); sight != peerUnknown {
		return address, sight == peerPresent && address != ""
	}
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	since := time.Now()
	for {
		address, sight, changed := c.peers.look(id)
		if sight != peerUnknown {
			return address, sight == peerPresent && address != ""
		}
		now := time.Now()
		if hearing := c.peers.hearingSince(); hearing.After(since) {
			since = hearing
		}
		if now.Sub(since) >= findTimeout {
			c.peers.missed(id, now)
			return "", false
		}
		if c.nc.IsConnected() && c.peers.askDue(now) {
			c.say(peerHello) // upon which all say that they are there
		}
		select {
		case <-changed:
		case <-time.After(askAgain): // who has just come may have missed the question
		case <-ctx.Done():
			return "", false
		case <-c.stop:
			return "", false
		}
	}
}

// AwaitPeerGone returns when a gateway is known not to be there any more, or the context ends.
func (c *Cluster) AwaitPeerGone(ctx context.Context, id string) {
	for {
		_, sight, changed := c.peers.look(id)
		if sight != peerPresent {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-c.stop:
			return
		}
	}
}

// peerSight is what is known of whether a gateway is there.
type peerSight uint8

const (
	peerUnknown peerSight = iota
	peerPresent
	peerAbsent
)

// look tells what is known of a gateway, and what is closed when more is known of any.
func (p *peers) look(id string) (address string, sight peerSight, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fields, ok := p.place[id]; ok {
		return fields.address, peerPresent, p.changed
	}
	if _, ok := p.absent[id]; ok {
		return "", peerAbsent, p.changed
	}
	return "", peerUnknown, p.changed
}

// askDue is true if it is time to ask who is there, which the caller then does.
func (p *peers) askDue(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.asked) < askAgain {
		return false
	}
	p.asked = now
	return true
}

// missed remembers that a gateway did not answer.
func (p *peers) missed(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.seen[id]; !ok {
		p.absent[id] = now
	}
}

// hears notes since when this gateway hears all that others say.
func (p *peers) hears(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hearing = since
}

func (p *peers) hearingSince() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hearing
}

func (p *peers) forgetAbsent(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, since := range p.absent {
		if since.Before(before) {
			delete(p.absent, id)
		}
	}
}

// turned wakes who waits for another gateway. The lock is held.
func (p *peers) turned() {
	close(p.changed)
	p.changed = make(chan struct{})
}
