// SPDX-License-Identifier: Apache-2.0

package cluster

import "time"

// censusInterval is how often it is looked for gateways that are silent. It adds to deadAfter, and to the time until the members
// of a room know who is gone. Ten seconds are promised; all of it is 8.6, so that a busy machine keeps the promise too.
const censusInterval = 500 * time.Millisecond

// lease is since when this gateway can tell who lives. Only dispatch uses it.
type lease struct {
	// hearing is when NATS was back, or this process itself was held up for the last time.
	hearing time.Time
	last    time.Time
}

// canTell tells whether who has been silent for deadAfter is dead. It is asked at each census.
func (l *lease) canTell(now time.Time, connected bool) bool {
	late := now.Sub(l.last) > 4*censusInterval
	l.last = now
	if late || !connected {
		l.hearing = now
	}
	return now.Sub(l.hearing) >= deadAfter
}

// takeCensus gives up the gateways that do not live. It runs in dispatch. While NATS is away silence says nothing of
// the others, nor does it after a pause of this process, in which their heartbeats have piled up.
func (c *Cluster) takeCensus(l *lease, now time.Time) {
	can := l.canTell(now, c.nc.IsConnected())
	c.peers.hears(l.hearing)
	if !can {
		return
	}
	for _, id := range c.peers.silent(now.Add(-deadAfter)) {
		c.lost(id)
	}
}
