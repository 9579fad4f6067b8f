// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
)

func (c *Client) send(p *packet) error {
	text, attachments, err := p.encode()
	if err != nil {
		return err
	}
	if err := c.write(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	for _, a := range attachments {
		if err := c.write(websocket.BinaryMessage, a); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

func (c *Client) write(kind int, data []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.conn.WriteMessage(kind, data)
}

// read takes what arrives until the connection ends.
func (c *Client) read() {
	defer close(c.ended)
	for {
		kind, data, err := c.conn.ReadMessage()
		if err == nil {
			err = c.message(kind, data)
		}
		if err != nil {
			c.end("the connection has ended")
			c.conn.Close()
			return
		}
	}
}

// Engine.IO's packets.
const (
	enginePing    = "2"
	enginePong    = "3"
	engineMessage = '4'
)

func (c *Client) message(kind int, data []byte) error {
	switch {
	case kind == websocket.BinaryMessage:
		return c.attachment(data)
	case string(data) == enginePing:
		return c.write(websocket.TextMessage, []byte(enginePong))
	case len(data) == 0 || data[0] != engineMessage:
		return nil
	}
	p, err := decodePacket(data[1:])
	if err != nil {
		return err
	}
	if p.missing > 0 {
		c.partial = p
		return nil
	}
	return c.packet(p)
}

func (c *Client) attachment(data []byte) error {
	if c.partial == nil {
		return errors.New("an attachment comes without an event")
	}
	p := c.partial
	p.attachments = append(p.attachments, bytes.Clone(data))
	if len(p.attachments) < p.missing {
		return nil
	}
	c.partial = nil
	p.data = restoreAttachments(p.data, p.attachments)
	return c.packet(p)
}

func (c *Client) packet(p *packet) error {
	if p.namespace != c.namespace {
		return nil
	}
	object, _ := p.data.(map[string]any)
	list, _ := p.data.([]any)
	switch p.kind {
	case packetConnect:
		c.change(func() {
			c.connected = true
			c.id, _ = object["sid"].(string)
			c.pid, _ = object["pid"].(string)
		})
	case packetConnectError:
		c.change(func() { c.refusal = connectError(object) })
	case packetDisconnect:
		c.end("the service has disconnected it")
	case packetAck:
		c.change(func() { c.acks[p.id] = append([]any{}, list...) })
	case packetEvent:
		c.event(list, p.id)
	}
	return nil
}

func connectError(object map[string]any) *Refusal {
	r := &Refusal{}
	r.Message, _ = object["message"].(string)
	if data, ok := object["data"].(map[string]any); ok {
		r.Code, _ = data["code"].(string)
	}
	return r
}

func (c *Client) event(list []any, ack int) {
	if len(list) == 0 {
		return
	}
	name, _ := list[0].(string)
	args := list[1:]
	c.change(func() {
		if offset, ok := c.offsetOf(args, ack); ok {
			c.offset, args = offset, args[:len(args)-1]
		}
		c.events = append(c.events, Event{name, args, ack})
	})
}

// offsetOf returns the offset of an event, a string behind its arguments, if sessions are
// recovered. An event that wants to be acknowledged has none.
func (c *Client) offsetOf(args []any, ack int) (string, bool) {
	if c.pid == "" || ack >= 0 || len(args) == 0 {
		return "", false
	}
	last, ok := args[len(args)-1].(string)
	return last, ok && isOffset(last, c.since, time.Now())
}
