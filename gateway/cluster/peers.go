// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const (
	// heartbeatInterval is how often a gateway says that it lives.
	heartbeatInterval = 2500 * time.Millisecond
	// deadAfter is how long a gateway may be silent before nobody waits for its answers: three
	// heartbeats, and what the next may be late. One that stops says so.
	deadAfter = 3*heartbeatInterval + 500*time.Millisecond
)

// What gateways say of themselves: a word, their id, and what peerFields tells.
const (
	peerHello = 'h' // has just come; the others say alive
	peerAlive = 'a'
	peerBye   = 'b'
)

// peers are the other gateways of the service that are alive. Safe for concurrent use.
type peers struct {
	mu    sync.Mutex
	seen  map[string]time.Time  // guarded by mu
	place map[string]peerFields // what they say of themselves; guarded by mu
	// absent are those that are known not to be there, and since when. Guarded by mu.
	absent map[string]time.Time
	// asked is when this gateway last asked who is there. Guarded by mu.
	asked time.Time
	// hearing is since when this gateway hears all that others say; see lease. Guarded by mu.
	hearing time.Time
	// changed is closed when another one has come or gone. Guarded by mu.
	changed chan struct{}
}

func newPeers() *peers {
	return &peers{
		seen: map[string]time.Time{}, place: map[string]peerFields{}, absent: map[string]time.Time{}, changed: make(chan struct{}),
	}
}

func (p *peers) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.seen))
	for id := range p.seen {
		ids = append(ids, id)
	}
	return ids
}

func (p *peers) alive(id string, fields peerFields, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.seen[id]
	p.seen[id] = now
	if known && p.place[id] == fields {
		return
	}
	p.place[id] = fields
	delete(p.absent, id)
	p.turned()
}

func (p *peers) gone(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, id)
	delete(p.place, id)
	p.absent[id] = now
	p.turned()
}

// allTakeDeltas tells whether all others understand the deltas of sessions.
func (p *peers) allTakeDeltas() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fields := range p.place {
		if !fields.deltas {
			return false
		}
	}
	return true
}

// silent are those not heard of since a time.
func (p *peers) silent(since time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for id, seen := range p.seen {
		if seen.Before(since) {
			ids = append(ids, id)
		}
	}
	return ids
}

// subscribePeers begins to hear of the other gateways and of what they ask. What they say of
// themselves is heard twice: by watchPeers at once, and by dispatch, for which a farewell comes
// behind all that the gateway had said before.
func (c *Cluster) subscribePeers() error {
	subjects := []string{c.subjects.Peers, c.subjects.Requests, c.subjects.Answers}
	if c.events != nil {
		subjects = append(append(subjects, c.sessions.Subscription()), c.events.Subscriptions()...)
	}
	for _, subject := range subjects {
		if _, err := c.nc.ChanSubscribe(subject, c.incoming.In); err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
	}
	for _, subject := range []string{c.subjects.Peers, c.subjects.Echoes, c.subjects.Echoed} {
		if _, err := c.nc.ChanSubscribe(subject, c.news.In); err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
	}
	return nil
}

// say tells the other gateways of this one. Without NATS nobody hears it, which says as much.
func (c *Cluster) say(word byte) {
	if c.nc.IsConnected() {
		fields := *c.fields.Load()
		fields.server = c.nc.ConnectedServerId()
		_ = c.nc.Publish(c.subjects.Peers, fields.append(append([]byte{word}, c.id...)))
	}
}

// peerWord is what a gateway says of itself.
type peerWord struct {
	kind   byte
	id     string
	fields peerFields
}

func (c *Cluster) readPeerWord(msg *nats.Msg) (peerWord, bool) {
	if len(msg.Data) < 1+wire.GatewayIDLength {
		c.malformed(msg, fmt.Errorf("%d bytes of a gateway's word", len(msg.Data)))
		return peerWord{}, false
	}
	fields, err := decodePeerFields(msg.Data[1+wire.GatewayIDLength:])
	if err != nil {
		c.malformed(msg, fmt.Errorf("read what a gateway says of itself: %w", err))
		return peerWord{}, false
	}
	return peerWord{msg.Data[0], string(msg.Data[1 : 1+wire.GatewayIDLength]), fields}, true
}

// receivePeer notes that a gateway is there, or is not. It runs in watchPeers.
func (c *Cluster) receivePeer(msg *nats.Msg) {
	word, ok := c.readPeerWord(msg)
	if !ok {
		return
	}
	switch word.kind {
	case peerBye:
		c.peers.gone(word.id, time.Now())
		c.presenceLost(word.id)
		c.echoes.lost(word.id)
		return
	case peerHello:
		c.say(peerAlive)
	}
	c.peers.alive(word.id, word.fields, time.Now())
	if c.sessions != nil && c.sessions.PeerChanged(c.peers.allTakeDeltas()) {
		c.sessions.Flatten()
	}
}

// receiveFarewell ends what a gateway that leaves has begun. It runs in dispatch.
func (c *Cluster) receiveFarewell(msg *nats.Msg) {
	if len(msg.Data) < 1+wire.GatewayIDLength || msg.Data[0] != peerBye {
		return
	}
	c.settleFor(string(msg.Data[1 : 1+wire.GatewayIDLength]))
}

// lost gives up a gateway that is silent. It runs in watchPeers.
func (c *Cluster) lost(id string) {
	c.peers.gone(id, time.Now())
	c.presenceLost(id)
	c.echoes.lost(id)
	c.incoming.Call(func() { c.settleFor(id) })
}

// settleFor gives up what a gateway that is no more owes, and what it has begun. It runs in
// dispatch.
func (c *Cluster) settleFor(id string) {
	c.requests.lost(id)
	c.asks.endOf(id)
	delete(c.delivered, id)
}
