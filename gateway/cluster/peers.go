// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// heartbeatInterval is how often a gateway says that it lives.
	heartbeatInterval = 3 * time.Second
	// deadAfter is how long a gateway may be silent before nobody waits for its answers. One that stops says so.
	deadAfter = 3 * heartbeatInterval
)

// What gateways say of themselves: a word, then their id.
const (
	peerHello = 'h' // has just come; the others say alive
	peerAlive = 'a'
	peerBye   = 'b'
)

// peers are the other gateways of the service that are alive. Safe for concurrent use.
type peers struct {
	mu   sync.Mutex
	seen map[string]time.Time // guarded by mu
}

func newPeers() *peers { return &peers{seen: map[string]time.Time{}} }

func (p *peers) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.seen))
	for id := range p.seen {
		ids = append(ids, id)
	}
	return ids
}

func (p *peers) alive(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[id] = now
}

func (p *peers) gone(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, id)
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

// subscribePeers begins to hear of the other gateways and of what they ask.
func (c *Cluster) subscribePeers() error {
	subjects := []string{c.subjects.peers, c.subjects.requests, c.subjects.answers}
	if c.events != nil {
		subjects = append(subjects, c.subjects.acks+"*", c.subjects.fences)
	}
	for _, subject := range subjects {
		if _, err := c.nc.ChanSubscribe(subject, c.incoming); err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
	}
	return nil
}

// say tells the other gateways of this one. Without NATS nobody hears it, which says as much.
func (c *Cluster) say(word byte) {
	if c.nc.IsConnected() {
		_ = c.nc.Publish(c.subjects.peers, append([]byte{word}, c.id...))
	}
}

func (c *Cluster) receivePeer(msg *nats.Msg) {
	if len(msg.Data) != 1+gatewayIDLength {
		c.malformed(msg, fmt.Errorf("%d bytes of a gateway's word", len(msg.Data)))
		return
	}
	id := string(msg.Data[1:])
	switch msg.Data[0] {
	case peerBye:
		c.lost(id)
		return
	case peerHello:
		c.say(peerAlive)
	}
	c.peers.alive(id, time.Now())
}

// beat says that this gateway lives, and gives up those that do not. It runs in dispatch.
func (c *Cluster) beat(now time.Time) {
	c.say(peerAlive)
	if c.events != nil {
		c.events.out.check(now)
		c.events.sessions.refresh(now)
	}
	if !c.nc.IsConnected() {
		return // silence says nothing of the others
	}
	for _, id := range c.peers.silent(now.Add(-deadAfter)) {
		c.lost(id)
	}
}

func (c *Cluster) lost(id string) {
	c.peers.gone(id)
	c.requests.lost(id)
	c.stopAskingFor(id)
}
