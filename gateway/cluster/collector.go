// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// requests are the requests of this gateway that wait for answers. Safe for concurrent use.
type requests struct {
	mu   sync.Mutex
	last uint64                // guarded by mu
	open map[uint64]*collector // guarded by mu
}

func (r *requests) begin(g *collector) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.open[r.last] = g
	return r.last
}

func (r *requests) end(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, id)
}

func (r *requests) find(id uint64) *collector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// lost tells all waiting requests that a gateway is lost.
func (r *requests) lost(peer string) {
	r.mu.Lock()
	open := make([]*collector, 0, len(r.open))
	for _, g := range r.open {
		open = append(open, g)
	}
	r.mu.Unlock()
	for _, g := range open {
		g.lost(peer)
	}
}

// collector collects the answers of gateways to one request. It is complete when no gateway owes an
// answer. Safe for concurrent use.
type collector struct {
	done chan struct{} // closed when it is complete

	mu      sync.Mutex
	owing   map[string]*owed // by gateway; guarded by mu
	answers []socketio.Args  // guarded by mu
	clients int              // clients that are asked; guarded by mu
	gone    int              // clients that cannot answer any more; guarded by mu
	closed  bool             // guarded by mu
}

// owed is what a gateway still owes.
type owed struct {
	// counted reports whether the gateway has said how many clients it asks.
	counted bool
	// missing is the number of missing answers of clients. It is negative if answers arrive before
	// the number of clients.
	missing int
}

func newCollector(gateways []string) *collector {
	g := &collector{done: make(chan struct{}), owing: map[string]*owed{}}
	for _, id := range gateways {
		g.owing[id] = &owed{}
	}
	if len(gateways) == 0 {
		g.closed = true
		close(g.done)
	}
	return g
}

// add adds an answer that others may follow.
func (g *collector) add(args socketio.Args) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, args)
}

// finish notes that a gateway has sent all its answers.
func (g *collector) finish(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(peer)
}

// count notes the number of clients that a gateway asks.
func (g *collector) count(peer string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.owedBy(peer)
	p.counted = true
	p.missing += n
	g.clients += n
	g.check(peer, p)
}

// acked adds a client's answer or, if ok is false, counts a client that has gone.
func (g *collector) acked(peer string, args socketio.Args, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ok {
		g.answers = append(g.answers, args)
	} else {
		g.gone++
	}
	p := g.owedBy(peer)
	p.missing--
	g.check(peer, p)
}

// lost gives up the answers that a gateway owes.
func (g *collector) lost(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.owing[peer]; p != nil && p.counted {
		g.gone += p.missing
	}
	g.drop(peer)
}

// owedBy is called with mu held. A gateway that was not known when the request was sent may answer
// too.
func (g *collector) owedBy(peer string) *owed {
	p := g.owing[peer]
	if p == nil {
		p = &owed{}
		g.owing[peer] = p
	}
	return p
}

func (g *collector) check(peer string, p *owed) {
	if p.counted && p.missing == 0 {
		g.drop(peer)
	}
}

func (g *collector) drop(peer string) {
	delete(g.owing, peer)
	if len(g.owing) == 0 && !g.closed {
		g.closed = true
		close(g.done)
	}
}

// wait returns the answers when they are complete or the context ends, and an error if some are
// missing.
func (g *collector) wait(ctx context.Context) ([]socketio.Args, error) {
	var err error
	select {
	case <-g.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	answers := slices.Clone(g.answers)
	if err != nil && len(g.owing) > 0 {
		return answers, fmt.Errorf("%d gateways have not answered for all: %w", len(g.owing), err)
	}
	if g.gone > 0 {
		return answers, fmt.Errorf("%d of %d clients have not answered: %w", g.gone, g.clients, socketio.ErrDisconnected)
	}
	return answers, nil
}
