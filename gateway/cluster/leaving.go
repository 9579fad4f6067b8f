// SPDX-License-Identifier: Apache-2.0

package cluster

import "context"

// Leaving tells the other gateways that this one takes no new clients. It may be called again.
func (c *Cluster) Leaving() {
	fields := *c.fields.Load()
	fields.leaving = true
	c.fields.Store(&fields)
	c.say(peerAlive)
}

// AwaitSuccession waits while gateways of another revision replace those of this one and some of the latter still take
// clients: who is sent away now might come to one of them, and be sent away again. It returns at once, with false, if nobody
// replaces this one; otherwise with true, when all of this revision are leaving or the context ends.
func (c *Cluster) AwaitSuccession(ctx context.Context) (replaced bool) {
	for {
		successors, remaining, changed := c.peers.succession(c.fields.Load().revision)
		replaced = replaced || successors
		if !successors || !remaining {
			return replaced
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return replaced
		case <-c.stop:
			return replaced
		}
	}
}

// succession tells whether there are gateways of another revision, and others of this one, that take clients, and what is
// closed when that may have changed. Who names no revision, as in an older release, takes no part.
func (p *peers) succession(revision string) (successors, remaining bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.place {
		switch {
		case f.leaving || f.revision == "" || revision == "":
		case f.revision == revision:
			remaining = true
		default:
			successors = true
		}
	}
	return successors, remaining, p.changed
}
