// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// requests are those of this gateway that wait for answers. Safe for concurrent use.
type requests struct {
	mu   sync.Mutex
	last uint64             // guarded by mu
	open map[uint64]*gather // guarded by mu
}

func (r *requests) begin(g *gather) uint64 {
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

func (r *requests) find(id uint64) *gather {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// lost tells all who wait for a gateway that it is no more.
func (r *requests) lost(peer string) {
	r.mu.Lock()
	open := make([]*gather, 0, len(r.open))
	for _, g := range r.open {
		open = append(open, g)
	}
	r.mu.Unlock()
	for _, g := range open {
		g.lost(peer)
	}
}

// gather collects what gateways answer to one request. It is complete when none of them has anything more to say. Safe for
// concurrent use.
type gather struct {
	done chan struct{} // closed when it is complete

	mu      sync.Mutex
	parts   map[string]*part // by gateway, those that are not through; guarded by mu
	answers []socketio.Args  // guarded by mu
	asked   int              // clients; guarded by mu
	gone    int              // clients that cannot answer any more; guarded by mu
	closed  bool             // guarded by mu
}

// part is what a gateway still owes.
type part struct {
	// counted: it has said how many clients it asks.
	counted bool
	// missing are clients' answers. It is negative while they come before the number.
	missing int
}

func newGather(gateways []string) *gather {
	g := &gather{done: make(chan struct{}), parts: map[string]*part{}}
	for _, id := range gateways {
		g.parts[id] = &part{}
	}
	if len(gateways) == 0 {
		g.closed = true
		close(g.done)
	}
	return g
}

// add takes an answer, of which more may follow.
func (g *gather) add(args socketio.Args) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, args)
}

// finish takes a gateway's word that it is through.
func (g *gather) finish(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(peer)
}

// count takes the number of clients that a gateway asks.
func (g *gather) count(peer string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.part(peer)
	p.counted = true
	p.missing += n
	g.asked += n
	g.check(peer, p)
}

// acked takes a client's answer, or that it is gone.
func (g *gather) acked(peer string, args socketio.Args, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ok {
		g.answers = append(g.answers, args)
	} else {
		g.gone++
	}
	p := g.part(peer)
	p.missing--
	g.check(peer, p)
}

// lost gives up what a gateway owes.
func (g *gather) lost(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.parts[peer]; p != nil && p.counted {
		g.gone += p.missing
	}
	g.drop(peer)
}

// part is called with mu held. A gateway that nobody knew of may answer too.
func (g *gather) part(peer string) *part {
	p := g.parts[peer]
	if p == nil {
		p = &part{}
		g.parts[peer] = p
	}
	return p
}

func (g *gather) check(peer string, p *part) {
	if p.counted && p.missing == 0 {
		g.drop(peer)
	}
}

func (g *gather) drop(peer string) {
	delete(g.parts, peer)
	if len(g.parts) == 0 && !g.closed {
		g.closed = true
		close(g.done)
	}
}

// wait returns what has come in when it is complete or the context ends, with an error if something is missing.
func (g *gather) wait(ctx context.Context) ([]socketio.Args, error) {
	var err error
	select {
	case <-g.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	answers := slices.Clone(g.answers)
	if err != nil && len(g.parts) > 0 {
		return answers, fmt.Errorf("%d gateways have not answered for all: %w", len(g.parts), err)
	}
	if g.gone > 0 {
		return answers, fmt.Errorf("%d of %d clients have not answered: %w", g.gone, g.asked, socketio.ErrDisconnected)
	}
	return answers, nil
}
