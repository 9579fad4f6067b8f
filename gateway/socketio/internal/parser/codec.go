// SPDX-License-Identifier: Apache-2.0

package parser

import "fmt"

// Codec is a wire format of packets. It has no state. It is an enum and no interface because
// packets that are passed to the methods of an interface escape to the heap.
type Codec uint8

const (
	// JSON is the format of socket.io-parser: JSON text, then attachments.
	JSON Codec = iota
	// Msgpack is the format of socket.io-msgpack-parser: each packet is one binary message, the map
	// {type, nsp, data, id}. Once decoded, such a packet looks like any other: its payload is JSON,
	// its binary values are attachments.
	Msgpack
)

// The names of the codecs, for the configuration of a server.
const (
	NameJSON    = "json"
	NameMsgpack = "msgpack"
)

// Named returns the codec with a name; JSON if the name is empty.
func Named(name string) (Codec, error) {
	switch name {
	case "", NameJSON:
		return JSON, nil
	case NameMsgpack:
		return Msgpack, nil
	}
	return 0, fmt.Errorf("unknown parser %q: %s and %s are known", name, NameJSON, NameMsgpack)
}

// Encode encodes a packet.
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
	// decodePacket writes into its input, and these bytes are also sent to other clients.
	p, _, err := decodePacket(append([]byte(nil), e.Text...))
	if err != nil {
		return nil, err
	}
	p.Attachments = e.Attachments
	return p, nil
}

// MaxAttachments returns the maximum number of attachments that stock clients accept in a packet.
func (c Codec) MaxAttachments() int {
	if c == Msgpack {
		return maxMsgpackAttachments
	}
	return MaxAttachments
}
