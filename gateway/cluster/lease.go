// SPDX-License-Identifier: Apache-2.0

package cluster

import "time"

// censusInterval is how often it is looked for gateways that are silent. It adds to deadAfter, and
// to the time until the members of a room know who is gone. Ten seconds are promised; all of it is
// 8.6, so that a busy machine keeps the promise too.
const censusInterval = 500 * time.Millisecond

// lease is since when this gateway can tell who lives. Only watchPeers uses it.
type lease struct {
	timing timing
	// hearing is when NATS was back, or this process itself was held up for the last time.
	hearing time.Time
	last    time.Time
}

func newLease(t timing) *lease { return &lease{timing: t} }

// canTell tells whether who has been silent for the time after which a gateway is dead is so. It is
// asked at each census.
func (l *lease) canTell(now time.Time, heard bool) bool {
	late := now.Sub(l.last) > 4*l.timing.census
	l.last = now
	if late || !heard {
		l.hearing = now
	}
	return now.Sub(l.hearing) >= l.timing.dead
}

// takeCensus gives up the gateways that do not live. It runs in watchPeers. While NATS is away, or
// does not answer, silence says nothing of the others, nor does it after a pause of this process,
// in which their heartbeats have piled up.
func (c *Cluster) takeCensus(l *lease, now time.Time) {
	can := l.canTell(now, c.hears(now))
	c.peers.hears(l.hearing)
	if !can {
		return
	}
	for _, id := range c.peers.silent(now.Add(-c.timing.dead)) {
		c.lost(id)
	}
}

// hears tells whether NATS is there, and has answered at one of the last two heartbeats: so it
// notices a connection that has gone silent before the silence of others has lasted long enough to
// take them for dead.
func (c *Cluster) hears(now time.Time) bool {
	return c.nc.IsConnected() && c.link.HeardSince(now.Add(-2*c.timing.heartbeat))
}
