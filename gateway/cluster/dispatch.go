// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// dispatch delivers messages of other gateways to local members. It only queues, so no client can
// delay it. The log can, while missed events are read from it; therefore nothing with a deadline
// for other gateways runs here.
func (c *Cluster) dispatch() {
	check := time.NewTicker(c.timing.Heartbeat)
	defer check.Stop()
	var control <-chan func()
	rounds := c.rounds
	if c.events != nil {
		control = c.events.Loop()
		rounds.together, rounds.delivered = c.together, func(age time.Duration) { c.metrics.stored.Observe(age.Seconds()) }
	}
	defer rounds.timer.Stop()
	for {
		select {
		case now := <-check.C:
			c.checkLog(now)
		case <-c.restored:
			if c.events != nil {
				c.events.Prepare()
			}
		case <-rounds.wake():
			rounds.come(time.Now())
		case <-c.incoming.Urgent:
			rounds.begin(time.Now())
		case <-rounds.written:
			rounds.end(time.Now())
		case now := <-rounds.timer.C:
			rounds.expired(now)
		case f := <-control:
			f()
		case <-c.stop:
			return
		}
	}
}

// takeIn receives the waiting messages.
func (c *Cluster) takeIn() {
	for _, item := range c.incoming.Take() {
		if item.Call != nil {
			item.Call()
			continue
		}
		c.receive(item.Msg)
	}
}

// together lets queue queue messages for clients, and writes them when it returns, so that several
// messages for one client are written at once. It returns a channel that is closed when they are
// written.
func (c *Cluster) together(queue func()) (written <-chan struct{}) {
	server := c.server.Load()
	if server == nil { // without a namespace there is no client
		queue()
		done := make(chan struct{})
		close(done)
		return done
	}
	return server.Engine().Together(queue)
}

// checkLog checks the messages that wait to be stored.
func (c *Cluster) checkLog(now time.Time) {
	if c.events != nil {
		c.events.Check(now)
		c.sessions.Refresh(now)
	}
}

// receive handles a message. If that panics, the message is dropped.
func (c *Cluster) receive(msg *nats.Msg) {
	defer c.panics.Catch(PlaceMessage, "subject", msg.Subject)
	switch msg.Subject {
	case c.subjects.Peers:
		c.receiveFarewell(msg)
		return
	case c.subjects.Requests:
		c.receiveRequest(msg)
		return
	case c.subjects.Answers:
		c.receiveAnswer(msg)
		return
	case c.subjects.Fences:
		c.sessions.Fenced(msg)
		return
	}
	if c.events != nil && c.events.Take(msg) {
		return
	}
	a := c.adapterOf(msg.Subject)
	if a == nil {
		return // the namespace has just been removed
	}
	m, err := c.decodeMsg(msg)
	if err != nil {
		c.malformed(msg, err)
		return
	}
	c.metrics.received.Inc()
	if span := c.tracer.Continue(tracing.SpanDeliver, tracing.Consumer, m.Delivery.Trace); span != nil {
		defer describe(span, &m.Delivery).End(false)
	}
	if c.events != nil {
		if msg.Header.Get(jetstream.SequenceHeader) != "" {
			c.events.Receive(a.kept, msg, m)
			return
		}
		defer c.events.Unordered(&m.Delivery)()
	}
	if m.DedupID != 0 {
		if m.DedupID <= c.delivered[m.Publisher] {
			return
		}
		c.delivered[m.Publisher] = m.DedupID
	}
	_ = a.rooms.Broadcast(&m.Delivery) // Rooms returns no error
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

// place gives a message its number among those that this gateway publishes, on all subjects. The
// caller flushes c.out.
func (c *Cluster) place(m *wire.Message, subjects []string) {
	m.Publisher = c.id
	header := wire.TraceHeader(m.Delivery.Trace)
	if len(subjects) == 1 {
		c.out.PushWith(header, subjects, m.Encode(), m.Delivery.Volatile)
		return
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.copies++
	m.DedupID = c.copies
	c.out.PushWith(header, subjects, m.Encode(), m.Delivery.Volatile)
}

// headerSize returns how much of NATS's max_payload a header takes; 0 for none.
func headerSize(h nats.Header) int {
	if h == nil {
		return 0
	}
	return (&nats.Msg{Header: h}).Size()
}

// fits reports whether a message is small enough for NATS, before anybody receives it.
func (c *Cluster) fits(m *wire.Message) bool {
	most := int(c.link.MaxPayload())
	if most > 0 {
		most = max(1, most-headerSize(wire.TraceHeader(m.Delivery.Trace)))
	}
	return most == 0 || m.SizeLimit() <= most || len(m.Encode())+binary.MaxVarintLen64 <= most
}
