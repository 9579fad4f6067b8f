// SPDX-License-Identifier: Apache-2.0

package parser

// Codec is how packets look on the wire. It has no state. It is no interface, through whose methods
// each packet would be on the heap.
type Codec uint8

const (
	// JSON is the format of socket.io-parser: JSON text, then attachments.
	JSON Codec = iota
	// Msgpack is the format of socket.io-msgpack-parser: each packet is one binary message, the map
	// {type, nsp, data, id}. Inside the server it has the form of any other, with binary values as
	// attachments, so that nobody else knows the difference.
	Msgpack
)

// Encode writes a packet.
func (c Codec) Encode(p *Packet) Encoded {
	if c == Msgpack {
		return p.encodeMsgpack()
	}
	return p.encodeJSON()
}

// Decode is the inverse of Encode. It leaves e as it is.
func (c Codec) Decode(e Encoded) (*Packet, error) {
	if c == Msgpack {
		return decodeEncodedMsgpack(e)
	}
	// decodePacket writes into what it reads, and others are sent the same bytes.
	p, _, err := decodePacket(append([]byte(nil), e.Text...))
	if err != nil {
		return nil, err
	}
	p.Attachments = e.Attachments
	return p, nil
}

// MaxAttachments is the most that clients take.
func (c Codec) MaxAttachments() int {
	if c == Msgpack {
		return maxMsgpackAttachments
	}
	return MaxAttachments
}
