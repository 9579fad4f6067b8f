// SPDX-License-Identifier: Apache-2.0

package socketio

import "fmt"

// codec is how packets look on the wire. It has no state, but its decoders have.
type codec interface {
	newDecoder() packetDecoder
	encode(p *packet) encodedPacket
	// decode is the inverse of encode. It leaves e as it is.
	decode(e encodedPacket) (*packet, error)
	// withTrailer adds JSON values, with commas between them, to the arguments of an event. It leaves e as it is.
	withTrailer(e encodedPacket, trailer []byte) encodedPacket
	// maxAttachments is the most that clients take.
	maxAttachments() int
}

// Parser names how packets look on the wire. Clients have to use the same.
type Parser string

const (
	// ParserJSON is the parser that stock clients have: JSON, with binary values as messages of their own.
	ParserJSON Parser = "json"
	// ParserMsgpack is socket.io-msgpack-parser, and the client files with msgpack in their name: smaller packets, all of
	// them binary.
	ParserMsgpack Parser = "msgpack"
)

func newCodec(p Parser) (codec, error) {
	switch p {
	case "", ParserJSON:
		return jsonCodec{}, nil
	case ParserMsgpack:
		return msgpackCodec{}, nil
	}
	return nil, fmt.Errorf("unknown parser %q: %s and %s are known", p, ParserJSON, ParserMsgpack)
}

// packetDecoder puts the Engine.IO messages of one connection together to packets. Not safe for concurrent use. A method
// returns nil, nil while a packet is incomplete.
type packetDecoder interface {
	addText(data []byte) (*packet, error)
	addBinary(data []byte) (*packet, error)
}

// jsonCodec is the format of socket.io-parser: JSON text, then attachments.
type jsonCodec struct{}

func (jsonCodec) newDecoder() packetDecoder      { return &decoder{} }
func (jsonCodec) maxAttachments() int            { return MaxAttachments }
func (jsonCodec) encode(p *packet) encodedPacket { return p.encode() }

func (jsonCodec) decode(e encodedPacket) (*packet, error) {
	// decodePacket writes into what it reads, and others are sent the same bytes.
	p, _, err := decodePacket(append([]byte(nil), e.text...))
	if err != nil {
		return nil, err
	}
	p.attachments = e.attachments
	return p, nil
}
