// SPDX-License-Identifier: Apache-2.0

package parser

import "bytes"

// WithTrailer appends comma-separated JSON values to the arguments of an encoded event. It does not
// change e.
func (c Codec) WithTrailer(e Encoded, trailer []byte) Encoded {
	if c == Msgpack {
		return withTrailerMsgpack(e, trailer)
	}
	return withTrailerJSON(e, trailer)
}

// withTrailerJSON inserts the values before the last bracket. The comma is always right: every event
// has at least its name.
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
		return e // from a gateway with another parser; clients cannot read the event either way
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
