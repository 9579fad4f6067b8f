// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"
	"sync"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// sharedMessages are those of a delivery, made for the first who is sent it.
type sharedMessages struct {
	once     sync.Once
	messages []*engineio.Message
}

// Share has the messages of a delivery made once for all who are sent it, however often that happens. The delivery does not change
// any more.
func (d *Delivery) Share() { d.shared = &sharedMessages{} }

// messages are the packet as it goes to each client, with the trailer behind its arguments if it has one.
func (d *Delivery) messages(c codec) []*engineio.Message {
	if d.shared == nil {
		return d.encodeMessages(c)
	}
	d.shared.once.Do(func() { d.shared.messages = d.encodeMessages(c) })
	return d.shared.messages
}

func (d *Delivery) encodeMessages(c codec) []*engineio.Message {
	e := d.encoded()
	if len(d.Trailer) > 0 {
		e = c.withTrailer(e, d.Trailer)
	}
	return e.messages()
}

// withTrailer puts it before the bracket that ends the packet. Every event has a name, which a comma can follow.
func (jsonCodec) withTrailer(e encodedPacket, trailer []byte) encodedPacket {
	end := bytes.LastIndexByte(e.text, ']')
	if end < 0 {
		return e
	}
	text := make([]byte, 0, len(e.text)+len(trailer)+1)
	text = append(text, e.text[:end]...)
	text = append(text, ',')
	text = append(text, trailer...)
	text = append(text, ']')
	e.text, e.message = text, nil
	return e
}

func (c msgpackCodec) withTrailer(e encodedPacket, trailer []byte) encodedPacket {
	p, err := c.decode(e)
	if err != nil {
		return e // from a gateway with another parser; the clients will not understand it either
	}
	p.payload = appendArguments(p.payload, trailer)
	next := c.encode(p)
	next.uncompressed = e.uncompressed
	return next
}

// appendArguments adds values to a JSON array.
func appendArguments(list, values []byte) []byte {
	list = bytes.TrimRight(list, " \t\r\n")
	if len(list) == 0 {
		list = emptyList
	}
	out := append([]byte(nil), list[:len(list)-1]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	return append(append(out, values...), ']')
}
