// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/limits"
)

// usageLink carries what users have used to the other gateways (limits.Link).
type usageLink struct{ c *Cluster }

var _ limits.Link = usageLink{}

// ID returns the id of this gateway.
func (l usageLink) ID() string { return l.c.id }

// Publish sends to all other gateways. What users have used is of no interest later.
func (l usageLink) Publish(data []byte) {
	if l.c.Connected() {
		l.c.out.Send(l.c.subjects.Usage, data)
	}
}

// ShareUsage exchanges what users have used with the other gateways, until Close. It is called
// once.
func (c *Cluster) ShareUsage(users *limits.Users) {
	c.users.Store(users)
	users.SetGateways(len(c.peers.List()) + 1)
	users.Join(usageLink{c})
}

// receiveUsage handles what another gateway reports. It runs in membership's goroutine.
func (c *Cluster) receiveUsage(msg *nats.Msg) {
	users := c.users.Load()
	if users == nil {
		return
	}
	if err := users.Receive(msg.Data); err != nil {
		c.malformed(msg, err)
		return
	}
	c.metrics.received.Inc()
}

// The following run in membership's goroutine.

func (c *Cluster) usageBeat() {
	if users := c.users.Load(); users != nil {
		users.Beat()
	}
}

func (c *Cluster) usageRestored() {
	if users := c.users.Load(); users != nil {
		users.Restored()
	}
}

// usageOfPeers is called when gateways may have come or gone; lost is the id of one that has gone.
func (c *Cluster) usageOfPeers(lost string) {
	users := c.users.Load()
	if users == nil {
		return
	}
	if lost != "" {
		users.Lost(lost)
	}
	users.SetGateways(len(c.peers.List()) + 1)
}

func (c *Cluster) closeUsage() {
	if users := c.users.Load(); users != nil {
		users.Close()
	}
}
