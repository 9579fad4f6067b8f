// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// dispatch delivers what other gateways publish to local members. It only queues: no client can hold it up.
func (c *Cluster) dispatch() {
	heartbeat := time.NewTicker(heartbeatInterval)
	defer heartbeat.Stop()
	var control chan func()
	if c.events != nil {
		control = c.events.control
	}
	census := time.NewTicker(censusInterval)
	defer census.Stop()
	var since lease
	for {
		select {
		case now := <-heartbeat.C:
			c.beat(now)
			c.presenceBeat(now)
		case now := <-census.C:
			c.takeCensus(&since, now)
		case <-c.linked:
			c.presenceReconnected()
			if c.events != nil {
				c.events.ask()
			}
		case msg := <-c.incoming:
			c.receive(msg)
		case f := <-control:
			f()
		case settled := <-c.settling:
			for range len(c.incoming) { // nobody else takes from it
				c.receive(<-c.incoming)
			}
			close(settled)
		case <-c.stop:
			return
		}
	}
}

func (c *Cluster) receive(msg *nats.Msg) {
	switch msg.Subject {
	case c.subjects.peers:
		c.receivePeer(msg)
		return
	case c.subjects.requests:
		c.receiveRequest(msg)
		return
	case c.subjects.answers:
		c.receiveAnswer(msg)
		return
	case c.subjects.fences:
		c.events.sessions.fenced(msg)
		return
	case c.subjects.restarts:
		c.events.receiveRestart(msg)
		return
	}
	if strings.HasPrefix(msg.Subject, c.subjects.acks) {
		c.events.acked(msg)
		return
	}
	if strings.HasPrefix(msg.Subject, electionRoot) {
		c.events.doubt()
		return
	}
	a := c.adapterOf(msg.Subject)
	if a == nil {
		return // a namespace that has just been removed
	}
	if a.receivePresence(msg) {
		return
	}
	m, err := decodeMessage(msg.Data)
	if err != nil {
		c.malformed(msg, err)
		return
	}
	c.metrics.received.Inc()
	if c.events != nil {
		if msg.Header.Get(jetstream.SequenceHeader) != "" {
			c.events.receive(a, msg, m)
			return
		}
		defer c.events.unordered(&m.delivery)()
	}
	if m.copyOf != 0 {
		if m.copyOf <= c.delivered[m.publisher] {
			return
		}
		c.delivered[m.publisher] = m.copyOf
	}
	_ = a.rooms.Broadcast(&m.delivery) // Rooms never fails
}

// adapterOf finds the adapter by the first three tokens of a subject.
func (c *Cluster) adapterOf(subject string) *adapter {
	end := 0
	for range 3 {
		i := strings.IndexByte(subject[end:], '.')
		if i < 0 {
			return nil
		}
		end += i + 1
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.adapters[subject[:end-1]]
}

// publish sends a message on all subjects.
func (c *Cluster) publish(m *message, subjects []string) error {
	m.publisher = c.id
	if len(subjects) == 1 {
		return c.send(m.encode(), subjects)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.copies++
	m.copyOf = c.copies
	return c.send(m.encode(), subjects)
}

func (c *Cluster) send(data []byte, subjects []string) error {
	for _, subject := range subjects {
		if err := c.nc.Publish(subject, data); err != nil {
			c.metrics.failed.Inc()
			return err
		}
		c.metrics.published.Inc()
	}
	return nil
}
