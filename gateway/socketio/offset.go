// SPDX-License-Identifier: Apache-2.0

package socketio

import (
	"bytes"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// messages are the packet as it goes to each client, with the offset as its last argument if it has one.
func (d *Delivery) messages(c codec) []*engineio.Message {
	e := d.encoded()
	if d.Offset != "" {
		e = c.withOffset(e, d.Offset)
	}
	return e.messages()
}

// withOffset puts the offset before the bracket that ends the packet. Every event has a name, which a comma can follow.
func (jsonCodec) withOffset(e encodedPacket, offset string) encodedPacket {
	end := bytes.LastIndexByte(e.text, ']')
	if end < 0 {
		return e
	}
	text := make([]byte, 0, len(e.text)+len(offset)+3)
	text = append(text, e.text[:end]...)
	text = append(text, `,"`...)
	text = append(text, offset...)
	e.text = append(text, `"]`...)
	return e
}

func (c msgpackCodec) withOffset(e encodedPacket, offset string) encodedPacket {
	p, err := c.decode(e)
	if err != nil {
		return e // from a gateway with another parser; the clients will not understand it either
	}
	p.payload = appendArgument(p.payload, offset)
	next := c.encode(p)
	next.uncompressed = e.uncompressed
	return next
}

// appendArgument adds a string to a JSON array.
func appendArgument(list []byte, s string) []byte {
	list = bytes.TrimRight(list, " \t\r\n")
	if len(list) == 0 {
		list = emptyList
	}
	out := append([]byte(nil), list[:len(list)-1]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	return append(appendJSONString(out, s), ']')
}
