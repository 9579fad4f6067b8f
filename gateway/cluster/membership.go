// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// watchPeers keeps account of which gateways are there, and of the members of their rooms. It waits
// for nothing but a write to NATS, so that a gateway which reads the log for long neither misses
// the others nor is missed.
func (c *Cluster) watchPeers() {
	heartbeat := time.NewTicker(c.timing.heartbeat)
	defer heartbeat.Stop()
	census := time.NewTicker(c.timing.census)
	defer census.Stop()
	since := newLease(c.timing)
	for {
		select {
		case now := <-heartbeat.C:
			c.presenceBeat(now)
			c.peers.forgetAbsent(now.Add(-absentFor))
		case now := <-census.C:
			c.takeCensus(since, now)
		case <-c.link.Up():
			c.relink()
		case <-c.news.Wake:
			for _, item := range c.news.Take() {
				if item.Call != nil {
					item.Call()
					continue
				}
				c.receiveNews(item)
			}
		case <-c.stop:
			return
		}
	}
}

// relink does what is due when NATS is there, or there again.
func (c *Cluster) relink() {
	c.say(peerAlive) // from a server that may be another one than before
	c.out.Flush()
	c.presenceReconnected()
	select {
	case c.restored <- struct{}{}:
	default:
	}
}

func (c *Cluster) receiveNews(item natsconn.Item) {
	defer c.panics.Catch(PlaceMessage, "subject", item.Msg.Subject)
	switch item.Msg.Subject {
	case c.subjects.Peers:
		c.receivePeer(item.Msg)
	case c.subjects.Echoes:
		c.echoes.answer(item.Msg)
	case c.subjects.Echoed:
		c.echoes.answered(item.Msg)
	default:
		if a := c.adapterOf(item.Msg.Subject); a != nil { // else its namespace has just been removed
			a.receivePresence(item.Msg)
		}
	}
}

// beat says that this gateway lives, and makes sure that it hears: both wait for nothing but NATS,
// which must answer within a heartbeat's time.
func (c *Cluster) beat() {
	heartbeat := time.NewTicker(c.timing.heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-heartbeat.C:
			c.say(peerAlive)
			c.link.Ping(c.timing.heartbeat)
		case <-c.stop:
			return
		}
	}
}
