// SPDX-License-Identifier: Apache-2.0

package socketio

import "fmt"

// codec is how packets look on the wire. It has no state.
type codec interface {
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

// encode writes a packet, which stays where it is: calls by way of an interface would have each on the heap.
func (s *Server) encode(p *packet) encodedPacket {
	if _, ok := s.codec.(jsonCodec); ok {
		return p.encode()
	}
	other := *p
	return s.codec.encode(&other)
}

// decode takes a message of a connection, and reports whether a packet is complete.
func (s *Server) decode(d *decoder, data []byte, binary bool, p *packet) (complete bool, err error) {
	_, stock := s.codec.(jsonCodec)
	switch {
	case stock && binary:
		return d.addBinary(data, p)
	case stock:
		return d.addText(data, p)
	case !binary:
		return false, errTextMsgpack
	}
	other, err := decodeMsgpack(data)
	if err != nil {
		return false, err
	}
	*p = *other
	return true, nil
}

// jsonCodec is the format of socket.io-parser: JSON text, then attachments.
type jsonCodec struct{}

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
