// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

// onConnect is socket.io-client's onconnect: the session is recovered if the pid is the one that
// was asked for. The offset is kept even if it is not, as there.
func (c *client) onConnect(l protocol.Link, again *time.Timer, body string) error {
	var answer struct {
		SID string `json:"sid"`
		PID string `json:"pid"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.SID == "" {
		return fmt.Errorf("the answer to CONNECT is %q", body)
	}
	recovered := answer.PID != "" && answer.PID == c.pid
	if c.pid != "" {
		c.world.ledger.Asked(c.id, recovered)
	}
	c.pid, c.connected = answer.PID, true
	c.inRoom = c.inRoom && recovered
	for _, e := range c.early {
		if err := c.onEvent(e); err != nil {
			return err
		}
	}
	c.early = nil
	c.publish(l, again, true)
	if c.inRoom {
		c.isJoined()
		return nil
	}
	c.join(l, again)
	return nil
}

// onEvent notes what was said, then the offset, in the client's order.
func (c *client) onEvent(e protocol.Event) error {
	if e.Name == "said" {
		var m protocol.Message
		if len(e.Args) == 0 {
			return fmt.Errorf("an event without arguments")
		}
		if err := json.Unmarshal(e.Args[0], &m); err != nil {
			return fmt.Errorf("read what was said, %q: %w", e.Args[0], err)
		}
		c.world.ledger.Arrived(c.id, m)
	}
	if s, ok := e.LastString(); ok && c.pid != "" {
		c.offset = &s
	}
	return nil
}

func (c *client) onAck(l protocol.Link, again *time.Timer, rest string) error {
	id, answer, err := protocol.ParseAck(rest)
	if err != nil {
		return err
	}
	if answer != protocol.Handled {
		c.world.ledger.Refused(c.id, answer)
		c.outbox.shorten()
		again.Reset(refusedAgain)
		return nil
	}
	switch id {
	case c.joinID:
		c.joinID = -1
		c.inRoom = true
		c.isJoined()
	case c.sentID:
		c.sentID = -1
		c.world.ledger.Acked(c.outbox.take())
		c.publish(l, again, false)
	}
	if c.joinID < 0 && c.sentID < 0 {
		again.Stop()
	}
	return nil
}

func (c *client) isJoined() {
	c.world.ledger.Joined(c.id)
	c.joined.Store(true)
}

// join enters the room, as an application does when it was not recovered.
func (c *client) join(l protocol.Link, again *time.Timer) {
	c.joinID = c.nextID
	c.nextID++
	again.Reset(c.world.ackTimeout)
	l.Send(protocol.JoinPacket(c.joinID, c.room))
}

// publish emits the first message of the outbox, as the stock client does with retries: one at a
// time, and the same again, by force, after a reconnection or when no acknowledgement has come in
// time.
func (c *client) publish(l protocol.Link, again *time.Timer, force bool) {
	if !c.connected || c.sentID >= 0 && !force {
		return
	}
	m, ok := c.outbox.first()
	if !ok {
		return
	}
	c.sentID = c.nextID
	c.nextID++
	again.Reset(c.world.ackTimeout)
	c.world.ledger.Emitted(m)
	l.Send(protocol.SayPacket(c.sentID, m))
}
