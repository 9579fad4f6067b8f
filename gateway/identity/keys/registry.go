// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"cmp"
	"slices"
	"sync"
)

// Registry shares Remotes among those that fetch in the same way, so that a configuration that is
// reloaded keeps its keys. The zero value is ready for use. Safe for concurrent use.
type Registry struct {
	// Fetched is told of each fetch, for metrics; may be nil. It is set before the first Lease.
	Fetched func(Result)

	mu      sync.Mutex
	remotes map[RemoteConfig]*shared // guarded by mu
}

type shared struct {
	remote *Remote
	leases int
}

// Lease is one user's hold of a Remote. It must be closed.
type Lease struct {
	*Remote
	close func()
}

// Lease returns the Remote of a configuration, which is made if nobody has one. It fails for a URL
// or CA that cannot be used, and never because of the network. A new configuration takes its leases
// before the old one closes its own.
func (g *Registry) Lease(c RemoteConfig) (*Lease, error) {
	c = c.withDefaults()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.remotes[c]
	if s == nil {
		remote, err := newRemote(c, g.Fetched)
		if err != nil {
			return nil, err
		}
		if g.remotes == nil {
			g.remotes = map[RemoteConfig]*shared{}
		}
		s = &shared{remote: remote}
		g.remotes[c] = s
	}
	s.leases++
	return &Lease{s.remote, sync.OnceFunc(func() { g.release(c, s) })}, nil
}

// Close gives the lease back. With the last one of a Remote it waits for its goroutine to end. It
// may be called twice.
func (l *Lease) Close() { l.close() }

func (g *Registry) release(c RemoteConfig, s *shared) {
	g.mu.Lock()
	s.leases--
	last := s.leases == 0
	if last {
		delete(g.remotes, c)
	}
	g.mu.Unlock()
	if last {
		s.remote.close()
	}
}

// Status is how the Remotes are doing, ordered by URL.
func (g *Registry) Status() []Status {
	g.mu.Lock()
	remotes := make([]*Remote, 0, len(g.remotes))
	for _, s := range g.remotes {
		remotes = append(remotes, s.remote)
	}
	g.mu.Unlock()
	statuses := make([]Status, len(remotes))
	for i, r := range remotes {
		statuses[i] = r.Status()
	}
	slices.SortFunc(statuses, func(a, b Status) int { return cmp.Compare(a.URL, b.URL) })
	return statuses
}
