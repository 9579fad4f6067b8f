// SPDX-License-Identifier: Apache-2.0

package membership

import "context"

// Leaving tells the other gateways that this one takes no new clients. It may be called again.
func (p *Peers) Leaving() {
	fields := *p.own.Load()
	fields.Leaving = true
	p.own.Store(&fields)
	p.announce(Alive)
}

// AwaitSuccession waits while gateways of another revision replace those of this one and some of the latter still take
// clients: who is sent away now might come to one of them, and be sent away again. It returns at once, with false, if nobody
// replaces this one; otherwise with true, when all of this revision are leaving or the context ends.
func (p *Peers) AwaitSuccession(ctx context.Context) (replaced bool) {
	for {
		successors, remaining, changed := p.table.succession(p.own.Load().Revision)
		replaced = replaced || successors
		if !successors || !remaining {
			return replaced
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return replaced
		case <-p.stopped:
			return replaced
		}
	}
}

// succession tells whether there are gateways of another revision, and others of this one, that take clients, and what is
// closed when that may have changed. Who names no revision, as in an older release, takes no part.
func (t *table) succession(revision string) (successors, remaining bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.present {
		switch {
		case f.Leaving || f.Revision == "" || revision == "":
		case f.Revision == revision:
			remaining = true
		default:
			successors = true
		}
	}
	return successors, remaining, t.changed
}
