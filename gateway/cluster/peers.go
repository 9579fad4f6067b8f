// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/membership"
)

// newPeers makes the list of the other gateways. It calls back in its own goroutine, which also
// handles announcements about the members of rooms.
func (c *Cluster) newPeers(o Options) *membership.Peers {
	return membership.New(membership.Options{
		ID: c.id, Subject: c.subjects.Peers, Address: o.PeerAddress, Revision: o.Revision,
		Conn: c.link, Inbox: c.news, Timing: o.timing.Timing, Panics: c.panics,
		Handlers: membership.Handlers{
			Message: c.receiveNews, Malformed: c.malformed,
			Heard: c.heard, Gone: c.gone, Beat: c.beat, Restored: c.relink,
		},
	})
}

// subscribePeers subscribes to the announcements and requests of the other gateways. Announcements
// are received twice: by membership at once, and by dispatch, where a farewell comes after all that
// the gateway had published before.
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
	for _, subject := range []string{c.subjects.Echoes, c.subjects.Echoed, c.subjects.Usage} {
		if _, err := c.nc.ChanSubscribe(subject, c.news.In); err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
	}
	return c.peers.Subscribe()
}

// receiveNews handles messages that must not wait for the log. It runs in membership's goroutine.
func (c *Cluster) receiveNews(msg *nats.Msg) {
	switch msg.Subject {
	case c.subjects.Echoes:
		c.echoes.answer(msg)
	case c.subjects.Echoed:
		c.echoes.answered(msg)
	case c.subjects.Usage:
		c.receiveUsage(msg)
	default:
		if a := c.adapterOf(msg.Subject); a != nil { // otherwise its namespace has just been removed
			a.receivePresence(msg)
		}
	}
}

// relink does what is due when NATS is connected, or connected again.
func (c *Cluster) relink() {
	c.out.Flush()
	c.presenceReconnected()
	c.recheckPlaces()
	c.usageRestored()
	select {
	case c.restored <- struct{}{}:
	default:
	}
}

// beat is called at each heartbeat.
func (c *Cluster) beat(now time.Time) {
	c.presenceBeat(now)
	c.usageBeat()
}

// heard is called when another gateway has announced itself.
func (c *Cluster) heard() {
	c.usageOfPeers("")
	if c.sessions != nil && c.sessions.PeerChanged(c.peers.AllTakeDeltas()) {
		c.sessions.Flatten()
	}
}

// gone gives up a gateway that is lost. Earlier messages of a gateway that has left may still wait
// for dispatch, which receives the farewell after them.
func (c *Cluster) gone(id string, left bool) {
	c.presenceLost(id)
	c.usageOfPeers(id)
	c.echoes.lost(id)
	if !left {
		c.incoming.Call(func() { c.giveUp(id) })
	}
}

// receiveFarewell ends the requests of a gateway that leaves. It runs in dispatch.
func (c *Cluster) receiveFarewell(msg *nats.Msg) {
	a, err := membership.Decode(msg.Data)
	if err == nil && a.Kind == membership.Farewell { // membership reports what cannot be decoded
		c.giveUp(a.ID)
	}
}

// giveUp ends the requests of a lost gateway, and the wait for its answers. It runs in dispatch.
func (c *Cluster) giveUp(id string) {
	c.requests.lost(id)
	c.asks.endOf(id)
	delete(c.delivered, id)
}

// PeerAddress returns the host and port on which peers reach the gateway with that id. It returns
// false if the gateway is not alive, or has no address.
func (c *Cluster) PeerAddress(id string) (string, bool) { return c.peers.Address(id) }

// FindPeer is PeerAddress for an id that a gateway of this service has issued: if this gateway has
// never heard of it, it asks for it, for some seconds or until the context ends. While this gateway
// hears nothing, for example without NATS, the result says nothing about the others.
func (c *Cluster) FindPeer(ctx context.Context, id string) (string, bool) {
	return c.peers.Find(ctx, id)
}

// AwaitPeerGone returns when a gateway is known to be lost, or the context ends.
func (c *Cluster) AwaitPeerGone(ctx context.Context, id string) { c.peers.AwaitGone(ctx, id) }

// Leaving announces that this gateway accepts no new clients. It may be called again.
func (c *Cluster) Leaving() { c.peers.Leaving() }

// AwaitSuccession waits while gateways of another revision replace those of this one, and some of
// the latter still accept clients: a client that is sent away now might reconnect to one of them,
// and be sent away again. It returns false at once if this gateway is not being replaced; otherwise
// it returns true when all of this revision are leaving or the context ends.
func (c *Cluster) AwaitSuccession(ctx context.Context) (replaced bool) {
	return c.peers.AwaitSuccession(ctx)
}

// timing is how often gateways, and the connection to NATS, are checked for liveness.
type timing struct {
	membership.Timing
	// ping is how often the client library pings NATS.
	ping time.Duration
	// reconnect is the pause, and the additional jitter, between two attempts to connect to a
	// server.
	reconnect time.Duration
}
