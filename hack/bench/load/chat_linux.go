// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"
)

// slot is one sender of a group. In a closed loop it has one message outstanding at a time.
type slot struct {
	sender   *conn
	sequence int
	missing  int // members that have not received that one yet
}

// group is everybody, or a room.
type group struct {
	room    string // empty: everybody
	members []*conn
	slots   []slot
	seen    []seen // of member m and slot s at m*len(slots)+s
}

// chat is groups of clients that talk.
type chat struct {
	loop      *loop
	groups    []*group
	size      int // bytes of a text
	closed    bool
	ledger    ledger
	expected  int
	events    int      // that were sent since forget
	stalled   int      // clients that do not read any more; they are in the first group
	latencies []uint32 // µs
	finder    finder
}

// newChat divides clients evenly. Neighbours send, since they are on different servers if there are
// several.
func newChat(l *loop, rooms, slots, size int) *chat {
	c := &chat{loop: l, size: size}
	groups := max(rooms, 1)
	each := len(l.conns) / groups
	for i := range groups {
		g := &group{members: l.conns[i*each : (i+1)*each], slots: make([]slot, slots), seen: make([]seen, each*slots)}
		if rooms > 0 {
			g.room = fmt.Sprintf("room%04d", i)
		}
		for m, member := range g.members {
			member.group, member.member = i, m
		}
		for s := range g.slots {
			g.slots[s].sender = g.members[s%each]
		}
		c.groups = append(c.groups, g)
	}
	l.onMessage = c.receive
	return c
}

// join takes everybody to their rooms.
func (c *chat) join() error {
	joined := 0
	c.loop.onAnswer = func(*conn, []byte) error { joined++; return nil }
	all := 0
	for _, g := range c.groups {
		if g.room == "" {
			continue
		}
		for _, member := range g.members {
			all++
			if err := c.loop.send(member, c.loop.dialect.join(g.room)); err != nil {
				return err
			}
		}
	}
	return c.loop.until("join rooms", 30*time.Second, func() bool { return joined == all })
}

func (c *chat) send(group, s int) error {
	g := c.groups[group]
	slot := &g.slots[s]
	slot.sequence++
	slot.missing = len(g.members) - c.stalled
	c.expected += slot.missing
	c.events++
	text := stamp{group, s, slot.sequence, c.loop.now()}.text(c.size)
	if g.room == "" {
		return c.loop.send(slot.sender, c.loop.dialect.say(text))
	}
	return c.loop.send(slot.sender, c.loop.dialect.sayTo(g.room, text))
}

func (c *chat) receive(client *conn, packet []byte) error {
	st, ok := c.finder.find(packet)
	if !ok {
		return nil // somebody's coming and going
	}
	if st.group != client.group || st.slot >= len(c.groups[st.group].slots) {
		return fmt.Errorf("client %d gets a message that is for group %d: %s", client.index, st.group, packet)
	}
	g := c.groups[st.group]
	if !c.ledger.note(&g.seen[client.member*len(g.slots)+st.slot], st.sequence) {
		return nil
	}
	c.latencies = append(c.latencies, uint32((c.loop.now()-st.sent)/1000))
	slot := &g.slots[st.slot]
	if st.sequence != slot.sequence {
		return nil
	}
	if slot.missing--; slot.missing == 0 && c.closed {
		return c.send(st.group, st.slot)
	}
	return nil
}

// start begins the closed loop: each slot sends once everybody has its last message.
func (c *chat) start() error {
	c.closed = true
	for g := range c.groups {
		for s := range c.groups[g].slots {
			if err := c.send(g, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// stall has a client that sends nothing stop reading.
func (c *chat) stall(client *conn) error {
	c.stalled++
	return c.loop.stopReading(client)
}

// pace sends to the groups in turn, at a rate of messages per second to all together, and from the
// slots of each in turn.
func (c *chat) pace(duration time.Duration, rate float64) error {
	begin := time.Now()
	for i := 0; ; i++ {
		due := begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if due.Sub(begin) >= duration {
			return nil
		}
		for wait := time.Until(due); wait > 0; wait = time.Until(due) {
			// The last part of a millisecond is polled.
			if err := c.loop.step(wait); err != nil {
				return err
			}
		}
		if err := c.send(i%len(c.groups), i/len(c.groups)%len(c.groups[0].slots)); err != nil {
			return err
		}
	}
}

// forget begins a measurement anew; what is outstanding stays known.
func (c *chat) forget() { c.latencies, c.events = c.latencies[:0], 0 }

// settle waits for what is outstanding, and returns how many deliveries are lost.
func (c *chat) settle(patience time.Duration) int {
	c.closed = false
	_ = c.loop.until("receive the rest", patience, func() bool { // what has not come is lost
		return c.ledger.Deliveries >= c.expected
	})
	return c.expected - c.ledger.Deliveries
}

// percentile of latencies in ms, by the nearest rank; 0 if there are none.
func percentile(latencies []uint32, p int) float64 {
	if len(latencies) == 0 {
		return 0
	}
	slices.Sort(latencies)
	return float64(latencies[(len(latencies)*p+99)/100-1]) / 1000
}
