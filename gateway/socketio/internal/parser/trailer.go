// SPDX-License-Identifier: Apache-2.0

package parser

import "bytes"

// WithTrailer adds JSON values, with commas between them, to the arguments of an event. It leaves e as
// it is.
func (c Codec) WithTrailer(e Encoded, trailer []byte) Encoded {
	if c == Msgpack {
		return withTrailerMsgpack(e, trailer)
	}
	return withTrailerJSON(e, trailer)
}

// withTrailerJSON puts the values before the bracket that ends the packet. Every event has a name,
// which a comma can follow.
func withTrailerJSON(e Encoded, trailer []byte) Encoded {
	end := bytes.LastIndexByte(e.Text, ']')
	if end < 0 {
		return e
	}
	text := make([]byte, 0, len(e.Text)+len(trailer)+1)
	text = append(text, e.Text[:end]...)
	text = append(text, ',')
	text = append(text, trailer...)
	text = append(text, ']')
	e.Text, e.Message = text, nil
	return e
}

func withTrailerMsgpack(e Encoded, trailer []byte) Encoded {
	p, err := Msgpack.Decode(e)
	if err != nil {
		return e // from a gateway with another parser; the clients will not understand it either
	}
	p.Payload = appendArguments(p.Payload, trailer)
	next := Msgpack.Encode(p)
	next.Uncompressed = e.Uncompressed
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
