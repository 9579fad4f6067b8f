// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/membership"
)

// newPeers makes what keeps account of the other gateways. It calls back in its own goroutine, which
// also takes what gateways say of the members of their rooms.
func (c *Cluster) newPeers(o Options) *membership.Peers {
	return membership.New(membership.Options{
		ID: c.id, Subject: c.subjects.Peers, Address: o.PeerAddress, Revision: o.Revision,
		Conn: c.link, Inbox: c.news, Timing: o.timing.Timing, Panics: c.panics,
		Handlers: membership.Handlers{
			Message: c.receiveNews, Malformed: c.malformed,
			Heard: c.heard, Gone: c.gone, Beat: c.presenceBeat, Restored: c.relink,
		},
	})
}

// subscribePeers begins to hear of the other gateways and of what they ask. What they say of
// themselves is heard twice: by membership at once, and by dispatch, for which a farewell comes
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
	for _, subject := range []string{c.subjects.Echoes, c.subjects.Echoed} {
		if _, err := c.nc.ChanSubscribe(subject, c.news.In); err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
	}
	return c.peers.Subscribe()
}

// receiveNews takes what must not wait for the log. It runs in membership's goroutine.
func (c *Cluster) receiveNews(msg *nats.Msg) {
	switch msg.Subject {
	case c.subjects.Echoes:
		c.echoes.answer(msg)
	case c.subjects.Echoed:
		c.echoes.answered(msg)
	default:
		if a := c.adapterOf(msg.Subject); a != nil { // else its namespace has just been removed
			a.receivePresence(msg)
		}
	}
}

// relink does what is due when NATS is there, or there again.
func (c *Cluster) relink() {
	c.out.Flush()
	c.presenceReconnected()
	select {
	case c.restored <- struct{}{}:
	default:
	}
}

// heard is told that another gateway has said something of itself.
func (c *Cluster) heard() {
	if c.sessions != nil && c.sessions.PeerChanged(c.peers.AllTakeDeltas()) {
		c.sessions.Flatten()
	}
}

// gone gives up a gateway that is no more. What one that has left had said before may still wait for
// dispatch, which hears the farewell behind it.
func (c *Cluster) gone(id string, left bool) {
	c.presenceLost(id)
	c.echoes.lost(id)
	if !left {
		c.incoming.Call(func() { c.giveUp(id) })
	}
}

// receiveFarewell ends what a gateway that leaves has begun. It runs in dispatch.
func (c *Cluster) receiveFarewell(msg *nats.Msg) {
	a, err := membership.Decode(msg.Data)
	if err == nil && a.Kind == membership.Farewell { // membership tells of what cannot be read
		c.giveUp(a.ID)
	}
}

// giveUp gives up what a gateway that is no more owes, and what it has begun. It runs in
// dispatch.
func (c *Cluster) giveUp(id string) {
	c.requests.lost(id)
	c.asks.endOf(id)
	delete(c.delivered, id)
}

// PeerAddress is the host and port on which a gateway's peers reach it, by its id. It is false for one that is not there, or
// that has none.
func (c *Cluster) PeerAddress(id string) (string, bool) { return c.peers.Address(id) }

// FindPeer is PeerAddress for an id that a gateway of this service has given out: one that this gateway has never heard of
// is asked for, for some seconds or until the context ends. While this gateway hears nothing, as without NATS, that says
// nothing of the others.
func (c *Cluster) FindPeer(ctx context.Context, id string) (string, bool) {
	return c.peers.Find(ctx, id)
}

// AwaitPeerGone returns when a gateway is known not to be there any more, or the context ends.
func (c *Cluster) AwaitPeerGone(ctx context.Context, id string) { c.peers.AwaitGone(ctx, id) }

// Leaving tells the other gateways that this one takes no new clients. It may be called again.
func (c *Cluster) Leaving() { c.peers.Leaving() }

// AwaitSuccession waits while gateways of another revision replace those of this one and some of the latter still take
// clients: who is sent away now might come to one of them, and be sent away again. It returns at once, with false, if nobody
// replaces this one; otherwise with true, when all of this revision are leaving or the context ends.
func (c *Cluster) AwaitSuccession(ctx context.Context) (replaced bool) {
	return c.peers.AwaitSuccession(ctx)
}

// timing is how often gateways, and the connection to NATS, give a sign of life.
type timing struct {
	membership.Timing
	// ping is how often NATS is asked for a sign of life by the client library.
	ping time.Duration
	// reconnect is the pause, and the jitter on top, between two tries to connect to a server.
	reconnect time.Duration
}
