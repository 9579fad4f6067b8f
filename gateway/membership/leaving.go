// SPDX-License-Identifier: Apache-2.0

package membership

import "context"

// Leaving announces that this gateway accepts no new clients. It may be called again.
func (p *Peers) Leaving() {
	fields := *p.own.Load()
	fields.Leaving = true
	p.own.Store(&fields)
	p.announce(Alive)
}

// AwaitSuccession waits while gateways of another revision replace those of this one, and some of
// the latter still accept clients: a client that is sent away now might reconnect to one of them,
// and be sent away again. It returns false at once if this gateway is not being replaced; otherwise
// it returns true when all of this revision are leaving or the context ends.
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

// succession reports whether there are gateways of another revision, and others of this one, that
// accept clients, and returns a channel that is closed when that may have changed. Gateways without
// a revision, such as those of an older release, are ignored.
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
